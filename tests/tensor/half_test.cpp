#include "dispart/tensor/half.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "dispart/core/random.hpp"

using namespace dispart;

namespace {

std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }

/// The definition: sign * 2^(e - 15) * 1.m, or sign * 2^-14 * 0.m.
double f16_by_definition(std::uint16_t half) {
    const int exponent = (half >> 10) & 0x1f;
    const double fraction = (half & 0x3ff) / 1024.0;
    const double magnitude =
        exponent == 0 ? std::ldexp(fraction, -14) : std::ldexp(1.0 + fraction, exponent - 15);
    return (half & 0x8000) != 0 ? -magnitude : magnitude;
}

/// Nearest finite half by search over all of them, ties to the even pattern; beyond the halfway point infinite.
std::uint16_t nearest_f16(float value) {
    const double magnitude = std::abs(static_cast<double>(value));
    const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? 0x8000 : 0);
    if (magnitude >= 65520.0) return static_cast<std::uint16_t>(sign | 0x7c00);
    std::uint16_t low = 0;
    std::uint16_t high = 0x7c00;  // as a number: 65536
    const auto number = [](std::uint16_t h) { return h == 0x7c00 ? 65536.0 : f16_by_definition(h); };
    while (high - low > 1) {
        const auto middle = static_cast<std::uint16_t>((low + high) / 2);
        (number(middle) <= magnitude ? low : high) = middle;
    }
    const double below = magnitude - number(low);
    const double above = number(high) - magnitude;
    const bool up = above < below || (above == below && (high & 1) == 0);
    return static_cast<std::uint16_t>(sign | (up ? high : low));
}

std::vector<float> awkward_floats() {
    std::vector<float> values{0.0F,
                              -0.0F,
                              1.0F,
                              -1.0F,
                              65504.0F,
                              65519.99F,
                              65520.0F,
                              65536.0F,
                              -70000.0F,
                              1e38F,
                              0x1p-14F,
                              0x1p-24F,
                              0x1p-25F,
                              0x1.000002p-25F,
                              0x1p-26F,
                              0x1.ffcp-15F,
                              0x1.ffep-15F,
                              std::numeric_limits<float>::infinity(),
                              -std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::denorm_min()};
    random_source random(7);
    for (int i = 0; i < 50000; ++i)
        values.push_back(static_cast<float>(
            std::ldexp(random.uniform(-2.0, 2.0), static_cast<int>(random.integer(-30, 18)))));
    return values;
}

}  // namespace

TEST_CASE("every f16 pattern widens to its definition and narrows back to itself") {
    for (std::uint32_t pattern = 0; pattern <= 0xffff; ++pattern) {
        const f16_bits half{static_cast<std::uint16_t>(pattern)};
        const float wide = to_float(half);
        if ((pattern & 0x7c00U) == 0x7c00U) {
            const bool is_nan = (pattern & 0x3ffU) != 0;
            REQUIRE(std::isnan(wide) == is_nan);
            REQUIRE(std::isinf(wide) == !is_nan);
            REQUIRE(std::signbit(wide) == ((pattern & 0x8000U) != 0));
            REQUIRE(to_f16(wide).bits == (is_nan ? pattern | 0x200U : pattern));
        } else {
            REQUIRE(static_cast<double>(wide) == f16_by_definition(half.bits));
            REQUIRE(to_f16(wide) == half);
        }
    }
}

TEST_CASE("f16 narrowing rounds to the nearest value, ties to even") {
    for (const float value : awkward_floats()) {
        CAPTURE(value);
        REQUIRE(to_f16(value).bits == nearest_f16(value));
    }
}

TEST_CASE("bf16 is the upper half of a float, narrowed to nearest even") {
    for (std::uint32_t pattern = 0; pattern <= 0xffff; ++pattern) {
        const bf16_bits half{static_cast<std::uint16_t>(pattern)};
        REQUIRE(bits(to_float(half)) == pattern << 16U);
        const bool is_nan = (pattern & 0x7f80U) == 0x7f80U && (pattern & 0x7fU) != 0;
        REQUIRE(to_bf16(to_float(half)).bits == (is_nan ? pattern | 0x40U : pattern));
    }
    CHECK(to_bf16(std::bit_cast<float>(0x3f808000U)).bits == 0x3f80);  // a tie, even below
    CHECK(to_bf16(std::bit_cast<float>(0x3f818000U)).bits == 0x3f82);  // a tie, even above
    CHECK(to_bf16(std::bit_cast<float>(0x3f808001U)).bits == 0x3f81);
    CHECK(to_bf16(std::numeric_limits<float>::max()).bits == 0x7f80);  // rounds to infinity
    CHECK(to_bf16(std::bit_cast<float>(0x7f800001U)).bits == 0x7fc0);  // NaN whose payload lies below
}

TEST_CASE("bulk conversions equal the single ones, bit by bit, at every length and offset") {
    std::vector<float> values = awkward_floats();
    values.push_back(std::bit_cast<float>(0x7f812345U));
    values.push_back(std::bit_cast<float>(0xffc00001U));
    std::vector<f16_bits> halves(values.size());
    std::vector<bf16_bits> brains(values.size());
    narrow(values, halves);
    narrow(values, brains);
    for (std::size_t i = 0; i < values.size(); ++i) {
        REQUIRE(halves[i] == to_f16(values[i]));
        REQUIRE(brains[i] == to_bf16(values[i]));
    }
    std::vector<f16_bits> all(0x10000);
    for (std::size_t i = 0; i < all.size(); ++i) all[i].bits = static_cast<std::uint16_t>(i);
    std::vector<float> wide(all.size());
    widen(all, wide);
    for (std::size_t i = 0; i < all.size(); ++i) REQUIRE(bits(wide[i]) == bits(to_float(all[i])));

    for (std::size_t offset = 0; offset < 3; ++offset)
        for (std::size_t count = 0; count < 20; ++count) {
            std::vector<float> out(count + 1, 77.0F);
            widen(std::span<const f16_bits>(all).subspan(0x3c00 + offset, count), std::span(out).first(count));
            for (std::size_t i = 0; i < count; ++i) REQUIRE(out[i] == to_float(all[0x3c00 + offset + i]));
            REQUIRE(out[count] == 77.0F);
        }
}
