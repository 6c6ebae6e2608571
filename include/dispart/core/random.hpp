#pragma once
/// \file
/// Seeded random numbers whose results are the same on every standard library (Boost.Random distributions).

#include <boost/random/exponential_distribution.hpp>
#include <boost/random/mersenne_twister.hpp>
#include <boost/random/normal_distribution.hpp>
#include <boost/random/uniform_01.hpp>
#include <boost/random/uniform_int_distribution.hpp>

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "dispart/core/contracts.hpp"

namespace dispart {

/// One step of SplitMix64: a well-mixed 64-bit hash of a counter, for independent streams and cheap fills.
/// Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators", OOPSLA 2014.
[[nodiscard]] constexpr std::uint64_t mix64(std::uint64_t x) noexcept {
    x += 0x9e3779b97f4a7c15ULL;
    x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31U);
}

/// A seeded generator with the draws that planners, simulators and tests need.
class random_source {
  public:
    explicit random_source(std::uint64_t seed) : engine_(seed) {}

    /// Uniform in [0, 1).
    [[nodiscard]] double uniform() { return boost::random::uniform_01<double>{}(engine_); }
    /// Uniform in [low, high).
    [[nodiscard]] double uniform(double low, double high) { return low + (high - low) * uniform(); }
    /// Uniform integer in [low, high], both ends included.
    [[nodiscard]] std::int64_t integer(std::int64_t low, std::int64_t high) {
        DISPART_EXPECTS(low <= high);
        return boost::random::uniform_int_distribution<std::int64_t>(low, high)(engine_);
    }
    /// Uniform index in [0, count).
    [[nodiscard]] std::size_t index(std::size_t count) {
        DISPART_EXPECTS(count > 0);
        return boost::random::uniform_int_distribution<std::size_t>(0, count - 1)(engine_);
    }
    /// True with the given probability.
    [[nodiscard]] bool chance(double probability) { return uniform() < probability; }
    /// Normal with the given mean and standard deviation.
    [[nodiscard]] double normal(double mean = 0.0, double deviation = 1.0) {
        return boost::random::normal_distribution<double>(mean, deviation)(engine_);
    }
    /// Exponential with the given rate (mean 1/rate).
    [[nodiscard]] double exponential(double rate) {
        return boost::random::exponential_distribution<double>(rate)(engine_);
    }
    /// Fisher-Yates shuffle.
    template <class T>
    void shuffle(std::vector<T>& items) {
        for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[index(i)]);
    }

  private:
    boost::random::mt19937_64 engine_;
};

}  // namespace dispart
