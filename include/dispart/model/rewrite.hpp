#pragma once
/// \file
/// Rewrites that leave a model's function alone and make it smaller; each has its own header under rewrite/.

#include "dispart/model/infer.hpp"
#include "dispart/model/rewrite/fold_batch_norm.hpp"
#include "dispart/model/rewrite/fold_constants.hpp"
#include "dispart/model/rewrite/remove_dead.hpp"
#include "dispart/model/rewrite/remove_identities.hpp"

namespace dispart {

/// Folds constants, removes identities, folds batch normalisation and removes dead layers. Names and order of inputs and
/// outputs stay; all shapes are inferred. Precondition: `validate(g)` succeeds. Errors: those of `infer_shapes`.
template <class Layer, class Tensor>
[[nodiscard]] result<void> simplify(layer_graph<Layer, Tensor>& g, const layer_evaluator& evaluate = {},
                                    const infer_options& bounds = folding_bounds) {
    DISPART_CHECK(fold_constants(g, evaluate, bounds));
    DISPART_CHECK(remove_identities(g));
    fold_batch_norm(g);
    remove_dead(g);
    return {};
}

}  // namespace dispart
