#pragma once
/// \file
/// The cost model for layers like those that were measured: one linear law per family of operators.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <Eigen/Core>
#include <Eigen/QR>

#include "dispart/cost/concepts.hpp"
#include "dispart/cost/family.hpp"
#include "dispart/cost/fusion.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/cost/sample.hpp"
#include "dispart/cost/signature.hpp"

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
    seconds floor{5e-6};  ///< errors of shorter layers count relative to this
};

namespace detail {

/// Relative residuals are minimised: each row is divided by its measured time.
struct scaled_samples {
    Eigen::MatrixXd features;  ///< [sample, feature], columns scaled to a largest entry of 1
    Eigen::VectorXd times;
    cost_features column_scale{};
};

inline scaled_samples scale(std::span<const cost_sample* const> samples, const fit_options& options) {
    const auto rows = static_cast<Eigen::Index>(samples.size());
    scaled_samples s{
        Eigen::MatrixXd(rows, static_cast<Eigen::Index>(cost_feature_count)), Eigen::VectorXd(rows), {}};
    for (Eigen::Index r = 0; r < rows; ++r) {
        const cost_sample& sample = *samples[static_cast<std::size_t>(r)];
        const double weight = 1.0 / std::max(sample.measured, options.floor).value;
        const cost_features x = features_of(sample.work);
        for (std::size_t f = 0; f < cost_feature_count; ++f)
            s.features(r, static_cast<Eigen::Index>(f)) = x[f] * weight;
        s.times(r) = sample.measured.value * weight;
    }
    for (std::size_t f = 0; f < cost_feature_count; ++f) {
        auto column = s.features.col(static_cast<Eigen::Index>(f));
        s.column_scale[f] = column.cwiseAbs().maxCoeff();
        if (s.column_scale[f] > 0.0) column /= s.column_scale[f];
    }
    return s;
}

/// Least squares over the features in `support` (a bit set); the coefficients of the others are 0.
inline Eigen::VectorXd solve_on(const scaled_samples& s, unsigned support) {
    Eigen::MatrixXd chosen(s.features.rows(), std::popcount(support));
    std::vector<Eigen::Index> columns;
    for (Eigen::Index f = 0; f < s.features.cols(); ++f)
        if (support >> f & 1U) {
            chosen.col(static_cast<Eigen::Index>(columns.size())) = s.features.col(f);
            columns.push_back(f);
        }
    const Eigen::VectorXd found = chosen.colPivHouseholderQr().solve(s.times);
    Eigen::VectorXd all = Eigen::VectorXd::Zero(s.features.cols());
    for (std::size_t k = 0; k < columns.size(); ++k) all(columns[k]) = found(static_cast<Eigen::Index>(k));
    return all;
}

/// Non-negative least squares. The optimum is the unconstrained one on its own support, so that with five features all
/// 31 supports are tried: exact. Few samples get few features (a third of their number), so that the law extrapolates.
inline Eigen::VectorXd non_negative_fit(const scaled_samples& s) {
    const auto most = std::max<Eigen::Index>(1, s.features.rows() / 3);
    Eigen::VectorXd best = Eigen::VectorXd::Zero(s.features.cols());
    double least = s.times.squaredNorm();
    // bits of FLOPs and bytes before the constant: among equals, a law that grows with the layer
    constexpr std::array<unsigned, cost_feature_count> bit_order{1U << 1, 1U << 3, 1U << 2, 1U << 4, 1U << 0};
    for (int size = 1; size <= static_cast<int>(cost_feature_count) && size <= most; ++size)
        for (unsigned code = 1; code < 1U << cost_feature_count; ++code) {
            if (std::popcount(code) != size) continue;
            unsigned support = 0;
            for (std::size_t b = 0; b < cost_feature_count; ++b)
                if (code >> b & 1U) support |= bit_order[b];
            const Eigen::VectorXd x = solve_on(s, support);
            const double error = (s.features * x - s.times).squaredNorm();
            if (x.minCoeff() >= 0.0 && x.allFinite() && error < least * (1.0 - 1e-6)) best = x, least = error;
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
/// Minimises the sum of squared relative errors under non-negative coefficients, exactly over the supports that it may
/// use (at most a third as many features as samples). Samples with a time that is negative or not finite are left out.
[[nodiscard]] inline cost_law fit_law(std::span<const cost_sample* const> samples,
                                      const fit_options& options = {}) {
    std::vector<const cost_sample*> usable;
    for (const cost_sample* s : samples)
        if (std::isfinite(s->measured.value) && s->measured.value >= 0.0) usable.push_back(s);
    cost_law law;
    law.samples = usable.size();
    if (usable.empty()) return law;
    const auto scaled = detail::scale(usable, options);
    const Eigen::VectorXd x = detail::non_negative_fit(scaled);
    for (std::size_t f = 0; f < cost_feature_count; ++f)
        if (scaled.column_scale[f] > 0.0)
            law.seconds_per[f] = x(static_cast<Eigen::Index>(f)) / scaled.column_scale[f];
    std::vector<double> errors;
    for (const cost_sample* s : usable)
        errors.push_back(std::abs((law(s->work) - s->measured).value) /
                         std::max(s->measured, options.floor).value);
    law.spread = detail::median_of(errors);
    return law;
}

/// Laws fitted to one machine's measurements; layers of families without samples go to another cost model.
///
/// `compute` is the law's time, times `measured_speed / device speed` where the former is known (a device of another
/// speed is taken to be that much faster in everything), times the device's slowdown; 0 for a layer of `fused`. O(1).
template <class Fallback = roofline>
struct basic_fitted_model {
    std::array<cost_law, op_family_count> laws{};  ///< [family]
    flops_per_second measured_speed{};  ///< of the machine that was measured; 0: laws hold for every device
    Fallback fallback{};
    fusion_rules fusion{};          ///< which layers join the layer before them
    std::set<std::string> fused{};  ///< names of those layers, once a model is known

    /// The same for the layers of one model.
    template <class Layer, class Tensor>
    [[nodiscard]] basic_fitted_model for_model(const layer_graph<Layer, Tensor>& net) const {
        basic_fitted_model own = *this;
        own.fused = fusion.fused_layers(net);
        return own;
    }

    [[nodiscard]] const cost_law& law(op_family family) const {
        return laws[static_cast<std::size_t>(family)];
    }

    template <class Layer, class Tensor>
    [[nodiscard]] seconds compute(const layer_view<Layer, Tensor>& view, const device& on) const {
        if (fused.contains(view.layer.name)) return seconds(0.0);
        const cost_law& known = law(family_of(view));
        return known.samples > 0 ? known(view.work) * scale(on) : fallback.compute(view, on);
    }

    template <class Layer, class Tensor>
    [[nodiscard]] seconds overhead(const layer_view<Layer, Tensor>& view, const device& on) const {
        if (fused.contains(view.layer.name)) return seconds(0.0);
        const cost_law& known = law(family_of(view));
        return known.samples > 0 ? seconds(known.seconds_per[0]) * scale(on) : fallback.overhead(view, on);
    }

    template <class Layer, class Tensor>
    [[nodiscard]] std::string key(const layer_view<Layer, Tensor>& view) const {
        return layer_signature(view) + (fused.contains(view.layer.name) ? " fused" : "");
    }

  private:
    [[nodiscard]] double scale(const device& on) const {
        return on.slowdown * (measured_speed.value > 0.0 ? measured_speed / on.speed : 1.0);
    }
};

using fitted_model = basic_fitted_model<>;

static_assert(cost_model<fitted_model>);

/// Fits one law per family that has samples. O(samples).
[[nodiscard]] inline fitted_model fit_laws(std::span<const cost_sample> samples,
                                           const fit_options& options = {}) {
    std::array<std::vector<const cost_sample*>, op_family_count> by_family;
    for (const cost_sample& s : samples) by_family[static_cast<std::size_t>(s.family)].push_back(&s);
    fitted_model fitted;
    for (std::size_t f = 0; f < op_family_count; ++f) fitted.laws[f] = fit_law(by_family[f], options);
    return fitted;
}

}  // namespace dispart
