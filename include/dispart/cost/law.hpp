#pragma once
/// \file
/// One linear law for the times of layers that are alike, fitted to measurements.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <span>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "dispart/core/units.hpp"
#include "dispart/cost/sample.hpp"
#include "dispart/model/layer_view.hpp"

namespace dispart {

/// Time of a family of layers as a non-negative combination of their features.
struct cost_law {
    cost_features seconds_per{};  ///< one feature unit; all 0 where the layers cost nothing
    std::size_t samples = 0;      ///< how many layers it was fitted to; 0: there is no law
    double spread = 0.0;  ///< median of |predicted - measured| / measured over them: how far to trust it

    [[nodiscard]] seconds operator()(const layer_work& work) const {
        const cost_features x = features_of(work);
        double sum = 0.0;
        for (std::size_t f = 0; f < cost_feature_count; ++f) sum += seconds_per[f] * x[f];
        return seconds(sum);
    }
};

struct fit_options {
    std::size_t operator_samples = 3;  ///< from so many on an operator has a law of its own
    seconds floor{5e-6};               ///< errors of shorter layers count relative to this
    seconds most_overhead{std::numeric_limits<double>::infinity()};  ///< largest constant of a law
};

namespace detail {

inline constexpr int features = static_cast<int>(cost_feature_count);
using feature_vector = Eigen::Matrix<double, features, 1>;

/// Samples as a least squares problem in relative residuals: each row is divided by its measured time.
struct fit_problem {
    Eigen::Matrix<double, features, features> gram =
        decltype(gram)::Zero();                       ///< of columns whose largest entry is 1
    feature_vector moments = feature_vector::Zero();  ///< of the columns and the times
    double squares = 0.0;                             ///< of the times
    cost_features column_scale{};
    std::size_t samples = 0;

    [[nodiscard]] double error(const feature_vector& x) const {
        return squares - 2.0 * x.dot(moments) + x.dot(gram * x);
    }
};

inline fit_problem scale(std::span<const cost_sample* const> samples, const fit_options& options) {
    fit_problem made{.samples = samples.size()};
    const auto weight_of = [&](const cost_sample& s) {
        return 1.0 / std::max(s.measured, options.floor).value;
    };
    for (const cost_sample* s : samples) {
        const cost_features x = features_of(*s);
        for (std::size_t f = 0; f < cost_feature_count; ++f)
            made.column_scale[f] = std::max(made.column_scale[f], x[f] * weight_of(*s));
    }
    for (const cost_sample* s : samples) {
        const cost_features x = features_of(*s);
        feature_vector row = feature_vector::Zero();
        for (std::size_t f = 0; f < cost_feature_count; ++f)
            if (made.column_scale[f] > 0.0)
                row(static_cast<int>(f)) = x[f] * weight_of(*s) / made.column_scale[f];
        const double time = s->measured.value * weight_of(*s);
        made.gram += row * row.transpose();
        made.moments += row * time;
        made.squares += time * time;
    }
    return made;
}

/// Least squares over the features in `support` (a bit set) with the constant held at a value where it is not among
/// them; the coefficients of the others are 0.
inline feature_vector solve_on(const fit_problem& p, unsigned support, double constant) {
    // A feature that is left out has an equation of its own: x = 0.
    Eigen::Matrix<double, features, features> a = Eigen::Matrix<double, features, features>::Identity();
    feature_vector b = feature_vector::Zero();
    for (int i = 0; i < features; ++i) {
        if (!(support >> i & 1U)) continue;
        b(i) = p.moments(i) - constant * p.gram(i, 0);
        for (int j = 0; j < features; ++j)
            if (support >> j & 1U) a(i, j) = p.gram(i, j);
    }
    feature_vector x = a.ldlt().solve(b);
    if (!(support & 1U)) x(0) = constant;
    return x;
}

/// Least squares with coefficients that are not negative and a constant of at most `most_constant` (scaled). The optimum
/// is an unconstrained one where the coefficients at their bounds are held there, so that all such choices are tried:
/// exact. Few samples get few features (a third of their number), so that the law extrapolates.
inline feature_vector bounded_fit(const fit_problem& p, double most_constant) {
    const int most = static_cast<int>(std::clamp<std::size_t>(p.samples / 3, 1, cost_feature_count));
    feature_vector best = feature_vector::Zero();
    double least = p.squares;
    const auto consider = [&](const feature_vector& x) {
        if (!x.allFinite() || x.minCoeff() < 0.0 || x(0) > most_constant) return;
        const double error = p.error(x);
        if (error < least - 1e-6 * std::abs(least)) best = x, least = error;
    };
    // among equals, a law that grows with the layer: FLOPs, bytes written, read, of constants, and last the constant
    constexpr std::array<unsigned, cost_feature_count> bit_order{1U << 1, 1U << 3, 1U << 2, 1U << 4, 1U << 0};
    for (int size = 1; size <= most; ++size)
        for (unsigned code = 1; code < 1U << cost_feature_count; ++code) {
            if (std::popcount(code) != size) continue;
            unsigned support = 0;
            for (std::size_t b = 0; b < cost_feature_count; ++b)
                if (code >> b & 1U) support |= bit_order[b];
            consider(solve_on(p, support, 0.0));
            if (support & 1U && std::isfinite(most_constant))
                consider(solve_on(p, support & ~1U, most_constant));
        }
    return best;
}

inline double median_of(std::vector<double> values) {
    if (values.empty()) return 0.0;
    const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), middle, values.end());
    return *middle;
}

}  // namespace detail

/// The law of the samples, whatever their families; without samples, no law. O(samples).
///
/// Minimises the sum of squared relative errors under non-negative coefficients and the largest constant, exactly over
/// the supports that it may use (at most a third as many features as samples). Samples with a time that is negative or
/// not finite are left out.
[[nodiscard]] inline cost_law fit_law(std::span<const cost_sample* const> samples,
                                      const fit_options& options = {}) {
    std::vector<const cost_sample*> usable;
    for (const cost_sample* s : samples)
        if (std::isfinite(s->measured.value) && s->measured.value >= 0.0) usable.push_back(s);
    cost_law law;
    law.samples = usable.size();
    if (usable.empty()) return law;
    const auto scaled = detail::scale(usable, options);
    const detail::feature_vector x =
        detail::bounded_fit(scaled, options.most_overhead.value * scaled.column_scale[0]);
    for (std::size_t f = 0; f < cost_feature_count; ++f)
        if (scaled.column_scale[f] > 0.0)
            law.seconds_per[f] = x(static_cast<int>(f)) / scaled.column_scale[f];
    std::vector<double> errors;
    for (const cost_sample* s : usable)
        errors.push_back(std::abs((law(s->work) - s->measured).value) /
                         std::max(s->measured, options.floor).value);
    law.spread = detail::median_of(errors);
    return law;
}

}  // namespace dispart
