#pragma once
/// \file
/// Measures codecs on tensors: seconds per byte both ways, what stays of a byte, and the error that shows.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <span>
#include <vector>

#include "dispart/core/random.hpp"
#include "dispart/core/result.hpp"
#include "dispart/core/units.hpp"
#include "dispart/cost/codec.hpp"
#include "dispart/run/codecs.hpp"
#include "dispart/tensor/tensor.hpp"

namespace dispart {

/// How a codec is measured.
struct codec_probe_options {
    std::size_t least = 3;  ///< rounds, of which the shortest counts
    seconds budget{0.05};   ///< for each codec; at least the rounds above are made
};

/// A codec's cost, and the largest error that its decoded samples had, of each tensor's largest magnitude.
struct codec_measurement {
    codec_cost cost{};
    double observed_error = 0.0;
};

/// Activations as a Relu leaves them, about half of them zero: what codecs are measured on where no model is at hand.
[[nodiscard]] inline tensor activation_sample(shape dims = {1, 64, 56, 56}) {
    random_source random(1);
    tensor made(dtype::f32, std::move(dims));
    for (float& x : made.data<float>()) {
        const double sum = random.uniform(-1.0, 1.0) + random.uniform(-1.0, 1.0) + random.uniform(-1.0, 1.0);
        x = static_cast<float>(std::max(0.0, sum));
    }
    return made;
}

namespace detail {

[[nodiscard]] inline double relative_error(const tensor& got, const tensor& expected) {
    if (expected.type() != dtype::f32) return 0.0;
    double most = 0.0;
    for (const float x : expected.data<float>()) most = std::max(most, std::abs(static_cast<double>(x)));
    const double off = max_abs_difference(got, expected);
    return most > 0.0 && std::isfinite(most) ? off / most : off;
}

}  // namespace detail

/// Measures one codec on tensors as they would be sent. raw costs nothing: it is sent from where it lies and used where it
/// arrives. Precondition: the samples have bytes. Errors: the codec's.
[[nodiscard]] inline result<codec_measurement> measure_codec(const any_codec& codec,
                                                             std::span<const tensor> samples,
                                                             const codec_probe_options& options = {}) {
    using clock = std::chrono::steady_clock;
    const auto since = [](clock::time_point begin) {
        return std::chrono::duration<double>(clock::now() - begin).count();
    };
    codec_measurement made{.cost = {.name = codec.name(), .max_relative_error = codec.max_relative_error()}};
    if (codec.name() == raw_codec::name()) return made;
    std::vector<tensor> decoded;
    double size = 0.0;
    for (const tensor& each : samples) {
        decoded.emplace_back(each.type(), each.dims());
        size += static_cast<double>(each.size_bytes());
    }
    std::vector<std::vector<std::byte>> codes(samples.size());
    double encoding = std::numeric_limits<double>::infinity();
    double decoding = encoding;
    const auto begin = clock::now();
    for (std::size_t round = 0; round < options.least || since(begin) < options.budget.value; ++round) {
        const auto start = clock::now();
        for (std::size_t i = 0; i < samples.size(); ++i) {
            codes[i].clear();
            DISPART_CHECK(codec.encode(samples[i], codes[i]));
        }
        encoding = std::min(encoding, since(start));
        const auto encoded = clock::now();
        for (std::size_t i = 0; i < samples.size(); ++i) DISPART_CHECK(codec.decode(codes[i], decoded[i]));
        decoding = std::min(decoding, since(encoded));
    }
    double left = 0.0;
    for (std::size_t i = 0; i < samples.size(); ++i) {
        left += static_cast<double>(codes[i].size());
        made.observed_error = std::max(made.observed_error, detail::relative_error(decoded[i], samples[i]));
    }
    made.cost.encode_seconds_per_byte = encoding / size;
    made.cost.decode_seconds_per_byte = decoding / size;
    made.cost.ratio = left / size;
    return made;
}

/// Every codec of a table. Errors: those of `measure_codec`.
[[nodiscard]] inline result<std::vector<codec_measurement>>
measure_codecs(const codec_table& codecs, std::span<const tensor> samples,
               const codec_probe_options& options = {}) {
    std::vector<codec_measurement> all;
    for (const any_codec& each : codecs) {
        DISPART_TRY(auto measured, measure_codec(each, samples, options));
        all.push_back(std::move(measured));
    }
    return all;
}

}  // namespace dispart
