#pragma once
// What every codec must do, whatever it is made of: run over each of them by its own test.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/tensor/concepts.hpp"

namespace dispart::test {

/// f32 values as layers make them: of one sign or both, with and without zeros, smooth, constant, large, small.
inline std::vector<tensor> codec_samples(std::uint64_t seed) {
    random_source random(seed);
    std::vector<tensor> samples;
    const std::vector<shape> shapes{
        {},     {0},          {1},           {7},           {3, 5},     {33, 70},
        {4, 1}, {2, 3, 0, 4}, {1, 3, 9, 11}, {2, 5, 17, 6}, {1, 8, 40}, {2, 2, 3, 4, 5}};
    for (const shape& dims : shapes)
        for (int kind = 0; kind < 6; ++kind) {
            tensor made(dtype::f32, dims);
            const double scale = std::pow(10.0, random.uniform(-6.0, 6.0));
            double walk = 0.0;
            for (float& x : made.data<float>()) {
                const double u = random.uniform(-1.0, 1.0);
                walk += u;
                x = static_cast<float>(kind == 0   ? u
                                       : kind == 1 ? std::max(0.0, u - 0.4) * scale
                                       : kind == 2 ? walk * scale
                                       : kind == 3 ? 3.25
                                       : kind == 4 ? 0.0
                                                   : u * scale);
            }
            samples.push_back(made);
        }
    return samples;
}

template <codec Codec>
std::vector<std::byte> encoded(const Codec& c, const tensor& t) {
    std::vector<std::byte> out{std::byte{42}};  // what is there stays there
    REQUIRE(c.encode(t, out));
    REQUIRE(out.front() == std::byte{42});
    out.erase(out.begin());
    return out;
}

template <codec Codec>
tensor decoded(const Codec& c, const tensor& like, std::span<const std::byte> bytes) {
    tensor made(like.type(), like.dims());
    std::memset(made.bytes().data(), 0x5a, made.size_bytes());
    const auto done = c.decode(bytes, made);
    REQUIRE_MESSAGE(done.has_value(), done.error());
    return made;
}

inline bool equal_bits(const tensor& a, const tensor& b) {
    return a.size_bytes() == b.size_bytes() &&
           (a.size_bytes() == 0 || std::memcmp(a.bytes().data(), b.bytes().data(), a.size_bytes()) == 0);
}

/// Round trips of f32 keep the stated error, and lossless ones every bit.
template <codec Codec>
void codec_keeps_its_error(const Codec& c) {
    for (const tensor& t : codec_samples(1)) {
        const tensor back = decoded(c, t, encoded(c, t));
        if (c.max_relative_error() == 0.0) {
            CHECK(equal_bits(back, t));
            continue;
        }
        double most = 0.0;
        for (const float x : t.data<float>()) most = std::max(most, std::abs(static_cast<double>(x)));
        CHECK(max_abs_difference(back, t) <= c.max_relative_error() * most);
    }
}

/// Infinities and NaN stay where they are, and what is finite stays finite.
template <codec Codec>
void codec_carries_what_is_not_finite(const Codec& c) {
    tensor t = codec_samples(2)[50].clone();
    auto values = t.data<float>();
    REQUIRE(values.size() > 20);
    values[3] = std::numeric_limits<float>::infinity();
    values[4] = -values[3];
    values[17] = std::numeric_limits<float>::quiet_NaN();
    const tensor back = decoded(c, t, encoded(c, t));
    const auto got = back.data<float>();
    for (std::size_t i = 0; i < got.size(); ++i) {
        CHECK(std::isnan(got[i]) == std::isnan(values[i]));
        if (std::isinf(values[i])) CHECK(got[i] == values[i]);
        else if (!std::isnan(values[i])) CHECK(std::isfinite(got[i]));
    }
}

/// Other element types travel without loss.
template <codec Codec>
void codec_keeps_other_types(const Codec& c) {
    random_source random(3);
    for (std::size_t type = 0; type < dtype_count; ++type) {
        if (static_cast<dtype>(type) == dtype::f32) continue;
        tensor t(static_cast<dtype>(type), {3, 37});
        for (std::byte& b : t.bytes()) b = static_cast<std::byte>(random.integer(0, 255));
        CHECK(equal_bits(decoded(c, t, encoded(c, t)), t));
    }
}

/// Decodes anything into a tensor of its own memory, which a sanitizer watches; what comes out is an error or some tensor.
template <codec Codec>
std::size_t refused(const Codec& c, const tensor& like, const std::vector<std::byte>& bytes) {
    const std::vector<std::byte> exact(bytes);  // no spare room behind it
    tensor made(like.type(), like.dims());
    const auto done = c.decode(exact, made);
    if (!done) CHECK(done.error().code == errc::parse_error);
    return done ? 0 : 1;
}

/// No input of any content makes it read or write out of bounds: cut at every byte, extended, changed, random.
template <codec Codec>
void codec_survives_hostile_input(const Codec& c) {
    random_source random(4);
    const auto samples = codec_samples(5);
    for (std::size_t i = 0; i < samples.size(); i += 5) {
        const tensor& t = samples[i];
        if (t.size() > 600) continue;
        const auto good = encoded(c, t);
        CAPTURE(t.dims().size());
        CAPTURE(t.size());
        for (std::size_t n = 0; n < good.size(); ++n)
            CHECK(refused(c, t, {good.begin(), good.begin() + static_cast<std::ptrdiff_t>(n)}) == 1);
        auto longer = good;
        longer.push_back(std::byte{0});
        CHECK(refused(c, t, longer) == 1);
        for (int k = 0; k < 200 && !good.empty(); ++k) {
            auto changed = good;
            for (int flips = 0; flips < 3; ++flips)
                changed[random.index(changed.size())] ^= static_cast<std::byte>(1U << random.index(8));
            refused(c, t, changed);
        }
        for (int k = 0; k < 200; ++k) {
            std::vector<std::byte> noise(random.index(t.size_bytes() + 32));
            for (std::byte& b : noise) b = static_cast<std::byte>(random.integer(0, 255));
            refused(c, t, noise);
        }
    }
}

/// One subcase per property.
template <codec Codec>
void codec_conforms(const Codec& c) {
    CAPTURE(std::string(c.name()));
    CHECK(!std::string(c.name()).empty());
    codec_keeps_its_error(c);
    codec_carries_what_is_not_finite(c);
    codec_keeps_other_types(c);
    codec_survives_hostile_input(c);
}

}  // namespace dispart::test
