#pragma once
/// \file
/// Fitting to measurements: one linear law for layers that are alike, and the laws of a whole machine.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

#include <Eigen/Cholesky>
#include <Eigen/Core>

#include "dispart/core/units.hpp"
#include "dispart/cost/family.hpp"
#include "dispart/cost/fitted.hpp"
#include "dispart/cost/law.hpp"
#include "dispart/cost/sample.hpp"

namespace dispart {

struct fit_options {
    std::size_t operator_samples = 3;  ///< from so many on an operator has a law of its own
    seconds floor{5e-6};               ///< errors of shorter layers count relative to this
    seconds most_overhead{std::numeric_limits<double>::infinity()};  ///< largest constant of a law
};

namespace detail {

inline constexpr int features = static_cast<int>(cost_feature_count);
/// Sizes known when running: the solver is one loop, not code for each number of columns.
using fit_matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor, features, features>;
using fit_vector = Eigen::Matrix<double, Eigen::Dynamic, 1, Eigen::ColMajor, features, 1>;

/// Samples as a least squares problem in relative residuals: each row is divided by its measured time.
struct fit_problem {
    std::array<cost_features, cost_feature_count> gram{};  ///< of columns whose largest entry is 1
    cost_features moments{};                               ///< of the columns and the times
    double squares = 0.0;                                  ///< of the times
    cost_features column_scale{};
    std::size_t samples = 0;

    [[nodiscard]] double error(const cost_features& x) const {
        double sum = squares;
        for (std::size_t i = 0; i < cost_feature_count; ++i) {
            sum -= 2.0 * x[i] * moments[i];
            for (std::size_t j = 0; j < cost_feature_count; ++j) sum += x[i] * gram[i][j] * x[j];
        }
        return sum;
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
        cost_features row = features_of(*s);
        for (std::size_t f = 0; f < cost_feature_count; ++f)
            row[f] = made.column_scale[f] > 0.0 ? row[f] * weight_of(*s) / made.column_scale[f] : 0.0;
        const double time = s->measured.value * weight_of(*s);
        for (std::size_t i = 0; i < cost_feature_count; ++i) {
            for (std::size_t j = 0; j < cost_feature_count; ++j) made.gram[i][j] += row[i] * row[j];
            made.moments[i] += row[i] * time;
        }
        made.squares += time * time;
    }
    return made;
}

/// Least squares over the features in `support` (a bit set) with the constant held at a value where it is not among
/// them; the coefficients of the others are 0.
inline cost_features solve_on(const fit_problem& p, unsigned support, double constant) {
    std::array<std::size_t, cost_feature_count> chosen{};
    Eigen::Index count = 0;
    for (std::size_t f = 0; f < cost_feature_count; ++f)
        if (support >> f & 1U) chosen[static_cast<std::size_t>(count++)] = f;
    fit_matrix a(count, count);
    fit_vector b(count);
    for (Eigen::Index i = 0; i < count; ++i) {
        const std::size_t row = chosen[static_cast<std::size_t>(i)];
        b(i) = p.moments[row] - constant * p.gram[row][0];
        for (Eigen::Index j = 0; j < count; ++j) a(i, j) = p.gram[row][chosen[static_cast<std::size_t>(j)]];
    }
    if (count > 0) b = Eigen::LDLT<fit_matrix>(a).solve(b).eval();
    cost_features x{};
    for (Eigen::Index i = 0; i < count; ++i) x[chosen[static_cast<std::size_t>(i)]] = b(i);
    if (!(support & 1U)) x[0] = constant;
    return x;
}

/// Least squares with coefficients that are not negative and a constant of at most `most_constant` (scaled). The optimum
/// is an unconstrained one where the coefficients at their bounds are held there, so that all such choices are tried:
/// exact. Few samples get few features (a third of their number), so that the law extrapolates.
inline cost_features bounded_fit(const fit_problem& p, double most_constant) {
    const int most = static_cast<int>(std::clamp<std::size_t>(p.samples / 3, 1, cost_feature_count));
    cost_features best{};
    double least = p.squares;
    const auto consider = [&](const cost_features& x) {
        for (const double each : x)
            if (!std::isfinite(each) || each < 0.0) return;
        if (x[0] > most_constant) return;
        const double error = p.error(x);
        if (error < least - 1e-6 * std::abs(least)) best = x, least = error;
    };
    // among equals, a law that grows with the layer: FLOPs, bytes written, read, of constants, beyond the cache, and
    // last the constant
    constexpr std::array<unsigned, cost_feature_count> bit_order{1U << 1, 1U << 3, 1U << 2, 1U << 4,
                                                                 1U << 5, 1U << 6, 1U << 0};
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
    const cost_features x = detail::bounded_fit(scaled, options.most_overhead.value * scaled.column_scale[0]);
    for (std::size_t f = 0; f < cost_feature_count; ++f)
        if (scaled.column_scale[f] > 0.0) law.seconds_per[f] = x[f] / scaled.column_scale[f];
    std::vector<double> errors;
    for (const cost_sample* s : usable)
        errors.push_back(std::abs((law(s->work) - s->measured).value) /
                         std::max(s->measured, options.floor).value);
    law.spread = detail::median_of(errors);
    return law;
}

namespace detail {

/// Operators whose family depends on their operands have no law of their own.
inline bool is_uniform(op_family family) {
    return family >= op_family::recurrent && family != op_family::other;
}

/// Seconds per operation of tails, by operator and (under "") of all: what their hosts' laws leave of the time.
inline std::map<std::string, double, std::less<>> tail_rates(std::span<const cost_sample> samples,
                                                             const fitted_model& laws) {
    std::map<std::string, std::array<double, 2>> left;  // seconds, operations
    for (const cost_sample& s : samples) {
        const cost_law& own = laws.law(operator_of(s), s.family);
        if (!(s.tail.amount.value > 0.0) || own.samples == 0) continue;
        for (const std::string& op : {s.tail.op, std::string()}) {
            left[op][0] += (s.measured - own(s.work)).value;
            left[op][1] += s.tail.amount.value;
        }
    }
    std::map<std::string, double, std::less<>> rates;
    for (const auto& [op, sums] : left) rates[op] = std::max(0.0, sums[0] / sums[1]);
    return rates;
}

}  // namespace detail

/// Fits a law to each family, and to each operator of families of one kind that has at least `options.operator_samples`.
/// No law's constant exceeds the floor, or the shortest time of all samples where that is longer: what a call costs is in
/// every sample. Samples with a
/// transcendental tail serve to price tails. O(samples).
[[nodiscard]] inline fitted_model fit_laws(std::span<const cost_sample> samples, fit_options options = {}) {
    std::array<std::vector<const cost_sample*>, op_family_count> by_family;
    std::map<std::string, std::vector<const cost_sample*>> by_operator;
    seconds shortest = options.most_overhead;
    for (const cost_sample& s : samples) {
        if (s.measured.value > 0.0) shortest = std::min(shortest, s.measured);
        if (s.tail.amount.value > 0.0) continue;
        by_family[static_cast<std::size_t>(s.family)].push_back(&s);
        if (detail::is_uniform(s.family)) by_operator[operator_of(s)].push_back(&s);
    }
    options.most_overhead = std::min(options.most_overhead, std::max(shortest, options.floor));
    fitted_model fitted;
    for (std::size_t f = 0; f < op_family_count; ++f) fitted.families[f] = fit_law(by_family[f], options);
    for (const auto& [op, own] : by_operator)
        if (own.size() >= options.operator_samples) fitted.operators[op] = fit_law(own, options);
    fitted.seconds_per_tail_flop = detail::tail_rates(samples, fitted);
    return fitted;
}

}  // namespace dispart
