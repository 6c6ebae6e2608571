#pragma once
/// \file
/// Computes once what does not depend on the inputs.

#include <algorithm>
#include <utility>
#include <vector>

#include "dispart/model/infer.hpp"
#include "dispart/model/rewrite/remove_dead.hpp"

namespace dispart {

/// Bounds of constant folding: it may produce weights, not only shapes.
inline constexpr infer_options folding_bounds{
    .max_value_bytes = 536870912.0, .max_total_bytes = 1073741824.0, .max_flops = 4e9};

namespace detail {

/// True where every requested result is known and none is an output of the graph.
[[nodiscard]] inline bool replaceable(const propagation& known, const layer& self,
                                      const std::vector<bool>& returned) {
    return std::all_of(self.outputs.begin(), self.outputs.end(), [&](tensor_id t) {
        return t == no_id || (known.tensors[t].value.has_value() && !returned[t]);
    });
}

}  // namespace detail

/// Replaces layers whose operands are all constant by constants, and infers all shapes. Shape, Size and Constant need
/// no evaluator. A layer that produces an output of the graph stays; values beyond the bounds stay computed at run time.
/// Precondition: `validate(g)` succeeds. Errors: those of `infer_shapes`; on error the graph is as before.
template <class Layer, class Tensor>
[[nodiscard]] result<void> fold_constants(layer_graph<Layer, Tensor>& g, const layer_evaluator& evaluate = {},
                                          const infer_options& bounds = folding_bounds) {
    DISPART_TRY(auto known, detail::propagate(g, evaluate, bounds));
    std::vector<bool> returned(known.tensors.size(), false);
    for (const auto t : info(g).outputs) returned[t] = true;
    std::vector<bool> stays(num_vertices(g), true);
    for (layer_id v = 0; v < stays.size(); ++v) {
        if (!detail::replaceable(known, g[v], returned)) continue;
        stays[v] = false;
        for (const auto t : g[v].outputs) {
            if (t == no_id) continue;
            info(g).tensors[t].constant = true;
            info(g).tensors[t].value = std::move(known.tensors[t].value);
        }
    }
    for (tensor_id t = 0; t < known.tensors.size(); ++t) {
        info(g).tensors[t].type = known.tensors[t].type;
        info(g).tensors[t].dims = std::move(known.tensors[t].dims);
    }
    detail::keep_only(g, stays);
    return {};
}

}  // namespace dispart
