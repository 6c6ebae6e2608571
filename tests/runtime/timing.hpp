#pragma once

#include <chrono>

#include "dispart/run/concepts.hpp"

namespace dispart::test {

using namespace std::chrono_literals;

inline deadline within(std::chrono::milliseconds ahead) { return std::chrono::steady_clock::now() + ahead; }

template <class Action>
double seconds_of(Action action) {
    const auto begin = std::chrono::steady_clock::now();
    action();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace dispart::test
