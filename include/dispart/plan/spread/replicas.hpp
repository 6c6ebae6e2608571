#pragma once
/// \file
/// Replicas of a whole model, each for a part of the batch.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dispart/plan/spread/rewriter.hpp"
#include "dispart/problem/tile_block.hpp"

namespace dispart {

/// One copy of the model per device, each on its share of the batch (axis 0 of every input and output); home slices the
/// inputs and joins the outputs. Copies share the weights' storage.
/// \param weights each device's share, for instance its speed; a device whose share rounds to nothing gets no copy
/// Errors: unsupported (an input or output has no batch of its own to divide, a layer's shape depends on it otherwise).
/// Precondition: valid graph with known shapes, as many weights as devices. Exact for models that treat images of a batch
/// alike. O(model · devices).
[[nodiscard]] inline result<spread_model> spread_replicas(const spread_model& whole,
                                                          const std::vector<device_id>& devices,
                                                          const std::vector<double>& weights, device_id home) {
    detail::spread_rewriter to(whole);
    const auto& before = info(whole.graph);
    std::int64_t batch = 0;
    for (const auto* list : {&before.inputs, &before.outputs})
        for (const auto t : *list) {
            const auto& dims = *before.tensors[t].dims;
            if (dims.empty() || dims[0] < 2 || (batch != 0 && dims[0] != batch))
                return fail(errc::unsupported, before.tensors[t].name,
                            "replicas divide a batch, and " + to_string(dims) + " has none that all share",
                            "make the model with a batch of 2 or more");
            batch = dims[0];
        }
    const auto cuts = weighted_cuts(batch, weights);
    const std::size_t layers = num_vertices(whole.graph);
    DISPART_TRY(const auto order, topological_order(whole.graph));
    std::vector<std::vector<tensor_id>> pieces(before.outputs.size());
    for (std::size_t r = 0; r < devices.size(); ++r) {
        if (cuts[r] == cuts[r + 1]) continue;
        const auto group = to.new_group(devices[r]);
        const auto suffix = "@" + std::to_string(r);
        std::vector<tensor_id> copy(before.tensors.size(), no_id);
        for (const auto t : before.inputs) {
            DISPART_TRY(copy[t], to.slice(to.about(t).name + suffix, t, {0}, {cuts[r]}, {cuts[r + 1]},
                                          to.group_of(t, home)));
        }
        for (const auto v : order) {
            layer self = whole.graph[v];
            if (self.outputs.size() != 1)
                return fail(errc::unsupported, self.name,
                            "replicas of layers with several results are not made");
            for (auto& t : self.inputs)
                if (t != no_id && !before.tensors[t].constant) t = copy[t];
            self.name += suffix;
            DISPART_TRY(copy[whole.graph[v].outputs[0]], to.add(std::move(self), group));
        }
        for (std::size_t i = 0; i < pieces.size(); ++i) pieces[i].push_back(copy[before.outputs[i]]);
    }
    const auto gather = to.new_group(home);
    for (std::size_t i = 0; i < pieces.size(); ++i)
        DISPART_CHECK(to.concat(before.tensors[before.outputs[i]].name + ".join", pieces[i], 0, gather,
                                before.outputs[i]));
    return to.finish(std::vector<bool>(layers, true));
}

}  // namespace dispart
