#pragma once
/// \file
/// One linear law for the times of layers that are alike (cost/fit.hpp fits it to measurements).

#include <cstddef>

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

}  // namespace dispart
