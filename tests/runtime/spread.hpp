#pragma once
// Models that were spread compute what they computed: what tests of tiles and shards share.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "dispart/model/rewrite.hpp"
#include "dispart/model/sample.hpp"
#include "dispart/model/validate.hpp"
#include "dispart/plan/spread/spread_model.hpp"
#include "dispart/run/eigen_backend.hpp"

namespace dispart::test {

[[nodiscard]] inline model simplified(result<model> made) {
    REQUIRE_MESSAGE(made.has_value(), made.error());
    REQUIRE(simplify(*made, kernels::evaluate_layer));
    return std::move(*made);
}

[[nodiscard]] inline std::vector<tensor> outputs_of(const model& m, const std::vector<tensor>& inputs) {
    auto loaded = eigen_backend::load(m);
    REQUIRE_MESSAGE(loaded.has_value(), loaded.error());
    auto outputs = loaded->run(inputs);
    REQUIRE_MESSAGE(outputs.has_value(), outputs.error());
    return std::move(*outputs);
}

/// The largest difference, relative to the largest element where that is over 1.
[[nodiscard]] inline double deviation(const std::vector<tensor>& got, const std::vector<tensor>& expected) {
    REQUIRE(got.size() == expected.size());
    double worst = 0.0;
    for (std::size_t i = 0; i < got.size(); ++i) {
        REQUIRE(got[i].dims() == expected[i].dims());
        double largest = 1.0;
        for (const float x : expected[i].data<float>())
            largest = std::max(largest, std::abs(static_cast<double>(x)));
        worst = std::max(worst, max_abs_difference(got[i], expected[i]) / largest);
    }
    return worst;
}

/// Checks the rewritten model and its parts; the deviation of its outputs.
[[nodiscard]] inline double deviation(const result<spread_model>& spread, const std::vector<tensor>& inputs,
                                      const std::vector<tensor>& expected) {
    REQUIRE_MESSAGE(spread.has_value(), spread.error());
    const auto valid = validate(spread->graph);
    REQUIRE_MESSAGE(valid.has_value(), valid.error());
    const auto parts = parts_of(*spread);
    REQUIRE_MESSAGE(parts.has_value(), parts.error());
    std::size_t layers = 0;
    for (const auto& each : parts->parts) layers += each.layers.size();
    CHECK(layers == num_vertices(spread->graph));
    return deviation(outputs_of(spread->graph, inputs), expected);
}

}  // namespace dispart::test
