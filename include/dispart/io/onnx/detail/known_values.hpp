#pragma once
/// \file
/// What can be known of a graph's tensors while it is still being read: the conditions of `If`, the turns of `Loop`.

#include <cstddef>
#include <cstdint>
#include <optional>

#include "dispart/model/evaluator.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/infer.hpp"

namespace dispart::io::detail {

/// Follows a growing graph; each layer is looked at once, in the order in which they were added.
class known_values {
  public:
    /// The value of a scalar boolean tensor, where the layers so far decide it.
    [[nodiscard]] std::optional<bool> condition(const model& g, tensor_id t, const layer_evaluator& evaluate) {
        const tensor& value = about(g, t, evaluate).value;
        if (!value.has_value() || value.type() != dtype::boolean || value.size() != 1) return std::nullopt;
        return value.data<bool>()[0];
    }

    /// The value of a tensor with one integer of 32 or 64 bits, where the layers so far decide it.
    [[nodiscard]] std::optional<std::int64_t> integer(const model& g, tensor_id t,
                                                      const layer_evaluator& evaluate) {
        const tensor& value = about(g, t, evaluate).value;
        if (!value.has_value() || value.size() != 1) return std::nullopt;
        if (value.type() == dtype::i64) return value.data<std::int64_t>()[0];
        if (value.type() == dtype::i32) return value.data<std::int32_t>()[0];
        return std::nullopt;
    }

    /// A tensor's shape, where the layers so far decide it.
    [[nodiscard]] std::optional<shape> dims(const model& g, tensor_id t, const layer_evaluator& evaluate) {
        return about(g, t, evaluate).dims;
    }

    /// True where Where(condition, a, b) is what an If gives: one condition, and a and b of one known type and shape, on
    /// which the condition's axes leave no trace.
    [[nodiscard]] bool interchangeable(const model& g, tensor_id condition, tensor_id a, tensor_id b,
                                       const layer_evaluator& evaluate) {
        catch_up(g, evaluate);
        for (const auto t : {condition, a, b}) follow(g, t);
        const auto& tensors = known_.tensors;
        if (!tensors[condition].dims || !tensors[a].dims || !tensors[b].dims) return false;
        return tensors[condition].type == dtype::boolean && elements(*tensors[condition].dims) == 1 &&
               tensors[condition].dims->size() <= tensors[a].dims->size() &&
               tensors[a].type == tensors[b].type && tensors[a].dims == tensors[b].dims;
    }

  private:
    [[nodiscard]] const tensor_info& about(const model& g, tensor_id t, const layer_evaluator& evaluate) {
        catch_up(g, evaluate);
        follow(g, t);
        return known_.tensors[t];
    }

    /// Looks at the layers that were added since the last time.
    void catch_up(const model& g, const layer_evaluator& evaluate) {
        for (; next_ < num_vertices(g); ++next_) {
            for (const auto operand : g[next_].inputs) follow(g, operand);
            for (const auto result : g[next_].outputs) follow(g, result);
            // A layer that cannot be told yet is no error here: its results stay unknown.
            static_cast<void>(dispart::detail::propagate_layer(known_, g[next_], info(g).opset, evaluate));
        }
    }

    /// Brings a tensor's description up to date with what the reader has found since.
    void follow(const model& g, tensor_id t) {
        if (t == no_id) return;
        const auto& tensors = info(g).tensors;
        if (known_.tensors.size() < tensors.size())
            known_.tensors.insert(known_.tensors.end(),
                                  tensors.begin() + static_cast<std::ptrdiff_t>(known_.tensors.size()),
                                  tensors.end());
        if (tensors[t].constant) known_.tensors[t] = tensors[t];
    }

    dispart::detail::propagation known_{};
    std::size_t next_ = 0;
};

}  // namespace dispart::io::detail
