#pragma once
/// \file
/// Shape inference: one pass in topological order that gives every tensor its type and shape.

#include <cstdint>
#include <exception>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/evaluator.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/operators.hpp"
#include "dispart/model/order.hpp"

namespace dispart {

/// Bounds on what one pass may compute. A value beyond them stays unknown; that is no error by itself.
struct infer_options {
    double max_value_bytes = 1048576.0;   ///< of one computed value: shape arithmetic is small
    double max_total_bytes = 67108864.0;  ///< of all computed values
    double max_flops = 4e9;               ///< of all evaluated layers
    bool keep_unknown = false;  ///< an unknown operator whose results have shapes already is no error
};

namespace detail {

/// What is known of every tensor along one pass: `value` is set wherever it could be computed.
struct propagation {
    std::vector<tensor_info> tensors{};
    infer_options left{};
};

[[nodiscard]] inline result<std::vector<tensor>>
call_evaluator(const layer_evaluator& evaluate, const op_context& c, std::span<const tensor> operands) {
    try {
        return evaluate(c.self, operands, c.opset);
    } catch (const std::exception& e) {
        return c.fail(errc::callback_failed, std::string("the evaluator threw: ") + e.what());
    } catch (...) {
        return c.fail(errc::callback_failed, "the evaluator threw");
    }
}

/// Bytes of the results; where only the elements decide them, as many indices as they can have.
[[nodiscard]] inline double result_bytes(const op_context& c, const inferred_list& shapes) {
    double size = 0.0;
    if (shapes) {
        for (const auto& each : *shapes) size += count(each.dims) * static_cast<double>(size_of(each.type));
        return size;
    }
    for (const auto* operand : c.inputs)
        if (operand != nullptr)
            size += 8.0 * count(*operand->dims) * static_cast<double>(operand->dims->size() + 1);
    return size;
}

/// True where every operand has a value and the work stays within what is left of the bounds, from which it is taken.
[[nodiscard]] inline bool worth_evaluating(const op_context& c, const inferred_list& shapes,
                                           infer_options& left) {
    for (const auto* operand : c.inputs)
        if (operand != nullptr && !operand->value.has_value()) return false;
    if (!shapes && shapes.error().code != errc::unsupported) return false;
    const double size = result_bytes(c, shapes);
    std::vector<tensor_info> results;
    if (shapes)
        for (const auto& each : *shapes)
            results.push_back({.name = {}, .type = each.type, .dims = each.dims});
    std::vector<const tensor_info*> pointers;
    for (const auto& each : results) pointers.push_back(&each);
    const double work = layer_flops({c.self, c.inputs, pointers, c.opset}).value;
    if (size > left.max_value_bytes || size > left.max_total_bytes || work > left.max_flops) return false;
    left.max_total_bytes -= size;
    left.max_flops -= work;
    return true;
}

/// The values of a layer whose operands are all known; empty where it is too much work or the evaluator cannot.
[[nodiscard]] inline result<std::vector<tensor>> constant_results(const op_context& c,
                                                                  const inferred_list& shapes,
                                                                  const layer_evaluator& evaluate,
                                                                  infer_options& left) {
    if (shapes && !shapes->empty() && shapes->front().value.has_value())
        return std::vector{shapes->front().value};
    if (!evaluate || find_operator(c.self.op) == nullptr || !worth_evaluating(c, shapes, left))
        return std::vector<tensor>{};
    std::vector<tensor> operands;
    for (const auto* operand : c.inputs) operands.push_back(operand == nullptr ? tensor() : operand->value);
    auto values = call_evaluator(evaluate, c, operands);
    if (!values) {
        if (values.error().code == errc::unsupported) return std::vector<tensor>{};
        return values;
    }
    for (std::size_t i = 0; shapes && i < std::min(values->size(), shapes->size()); ++i)
        if (const auto& value = (*values)[i];
            value.has_value() && (value.dims() != (*shapes)[i].dims || value.type() != (*shapes)[i].type))
            return c.fail(errc::callback_failed, "the evaluator's result is " + to_string(value.dims()) +
                                                     " instead of " + to_string((*shapes)[i].dims));
    return values;
}

/// Stores what is known of a layer's results.
inline void learn(propagation& known, const layer& self, const inferred_list& shapes,
                  const std::vector<tensor>& values) {
    for (std::size_t i = 0; i < self.outputs.size(); ++i) {
        if (self.outputs[i] == no_id) continue;
        auto& about = known.tensors[self.outputs[i]];
        if (i < values.size() && values[i].has_value()) {
            about.type = values[i].type();
            about.dims = values[i].dims();
            about.value = values[i];
        } else if (shapes) {
            about.type = (*shapes)[i].type;
            about.dims = (*shapes)[i].dims;
        }
    }
}

/// True where every result that somebody asked for has a described shape.
[[nodiscard]] inline bool results_described(const propagation& known, const layer& self) {
    for (const auto t : self.outputs)
        if (t != no_id && !known.tensors[t].dims) return false;
    return true;
}

[[nodiscard]] inline result<void> propagate_layer(propagation& known, const layer& self, std::int64_t opset,
                                                  const layer_evaluator& evaluate) {
    std::vector<const tensor_info*> operands;
    for (const auto t : self.inputs) operands.push_back(t == no_id ? nullptr : &known.tensors[t]);
    const op_context c{self, operands, {}, opset};
    if (known.left.keep_unknown && find_operator(self.op) == nullptr && results_described(known, self))
        return {};
    const auto shapes = infer_layer(c);
    DISPART_TRY(const auto values, constant_results(c, shapes, evaluate, known.left));
    if (!shapes && values.size() < self.outputs.size()) return tl::unexpected(shapes.error());
    learn(known, self, shapes, values);
    return {};
}

/// Shapes, types and values of every tensor of a valid graph.
template <class Layer, class Tensor>
[[nodiscard]] result<propagation> propagate(const layer_graph<Layer, Tensor>& g,
                                            const layer_evaluator& evaluate, const infer_options& options) {
    DISPART_TRY(const auto order, topological_order(g));
    propagation known{{info(g).tensors.begin(), info(g).tensors.end()}, options};
    for (const auto t : info(g).inputs)
        if (!known.tensors[t].dims)
            return fail(errc::shape_mismatch, known.tensors[t].name, "the input has no shape",
                        "bind its symbolic dimensions");
    for (const auto v : order) DISPART_CHECK(propagate_layer(known, g[v], info(g).opset, evaluate));
    return known;
}

}  // namespace detail

/// Gives every tensor its type and shape from those of the inputs and constants, whatever they were before.
///
/// With an evaluator, layers whose operands are all constant are computed (within the bounds), so that shapes which
/// are themselves computed (Shape, Gather, Concat, Reshape) are found; without one, only Shape, Size and Constant are.
/// Precondition: `validate(g)` succeeds. Errors, all naming the layer: unsupported (unknown operator, shape that depends
/// on data), shape_mismatch, invalid_model (operands), callback_failed. On error the graph is as before.
/// O(layers log layers), beside what is evaluated.
template <class Layer, class Tensor>
[[nodiscard]] result<void> infer_shapes(layer_graph<Layer, Tensor>& g, const layer_evaluator& evaluate = {},
                                        const infer_options& options = {}) {
    DISPART_TRY(auto known, detail::propagate(g, evaluate, options));
    for (tensor_id t = 0; t < known.tensors.size(); ++t) {
        info(g).tensors[t].type = known.tensors[t].type;
        info(g).tensors[t].dims = std::move(known.tensors[t].dims);
    }
    return {};
}

}  // namespace dispart
