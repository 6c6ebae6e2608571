#include "dispart/problem/constraints.hpp"

#include <doctest/doctest.h>

#include <string>

#include "dispart/core/random.hpp"

using namespace dispart;

namespace {

/// The meaning of a pattern, by recursion.
bool slowly(const std::string& p, const std::string& n) {
    if (p.empty()) return n.empty();
    if (p[0] == '*') return slowly(p.substr(1), n) || (!n.empty() && slowly(p, n.substr(1)));
    return !n.empty() && p[0] == n[0] && slowly(p.substr(1), n.substr(1));
}

}  // namespace

TEST_CASE("patterns") {
    static_assert(matches("conv*", "conv1") && !matches("conv*", "1conv") && matches("*", "") &&
                  !matches("", "x"));
    random_source random(12);
    for (int trial = 0; trial < 5000; ++trial) {
        std::string pattern, name;
        for (std::size_t k = random.index(7); k > 0; --k) pattern += "ab*"[random.index(3)];
        for (std::size_t k = random.index(9); k > 0; --k) name += "ab"[random.index(2)];
        REQUIRE(matches(pattern, name) == slowly(pattern, name));
    }
}
