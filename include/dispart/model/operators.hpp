#pragma once
/// \file
/// The operator table: what is known about each operator by its name. The rows stand with their families.
///
/// Convention of the operation counts: a multiply-add is 2; an element-wise operator (activations too, however they are
/// computed) is 1 per element of its result; pooling is 1 per element under each window; Softmax is 5 and the
/// normalisations are 5 to 7 per element; BatchNormalization at inference is 2; what only moves bytes is 0.

#include <algorithm>

#include "dispart/model/operators/context.hpp"
#include "dispart/model/operators/convolution.hpp"
#include "dispart/model/operators/elementwise.hpp"
#include "dispart/model/operators/generation.hpp"
#include "dispart/model/operators/layout.hpp"
#include "dispart/model/operators/loss.hpp"
#include "dispart/model/operators/matrix.hpp"
#include "dispart/model/operators/normalization.hpp"
#include "dispart/model/operators/pooling.hpp"
#include "dispart/model/operators/quantization.hpp"
#include "dispart/model/operators/recurrent.hpp"
#include "dispart/model/operators/reduction.hpp"
#include "dispart/model/operators/resize.hpp"
#include "dispart/model/operators/selection.hpp"
#include "dispart/model/operators/spectral.hpp"

namespace dispart {

/// Every row of the table, sorted by name.
[[nodiscard]] inline std::span<const operator_spec> operators() {
    static const auto table = [] {
        std::vector<operator_spec> rows;
        const auto add = [&](const auto& family) { rows.insert(rows.end(), family.begin(), family.end()); };
        add(detail::convolution_operators);
        add(detail::elementwise_operators);
        add(detail::generation_operators);
        add(detail::layout_operators);
        add(detail::loss_operators);
        add(detail::matrix_operators);
        add(detail::normalization_operators);
        add(detail::pooling_operators);
        add(detail::quantization_operators);
        add(detail::recurrent_operators);
        add(detail::reduction_operators);
        add(detail::resize_operators);
        add(detail::selection_operators);
        add(detail::spectral_operators);
        std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
        return rows;
    }();
    return table;
}

/// The row of that operator, or nullptr. O(log operators).
[[nodiscard]] inline const operator_spec* find_operator(std::string_view name) {
    const auto rows = operators();
    const auto at = std::lower_bound(rows.begin(), rows.end(), name,
                                     [](const auto& row, auto key) { return row.name < key; });
    return at != rows.end() && at->name == name ? &*at : nullptr;
}

namespace detail {

/// Errors: invalid_model where operands are missing, too many, or of unknown shape.
[[nodiscard]] inline result<void> check_operands(const op_context& c, const operator_spec& spec) {
    if (c.inputs.size() > spec.max_inputs)
        return c.fail(errc::invalid_model, std::to_string(c.inputs.size()) + " operands, at most " +
                                               std::to_string(spec.max_inputs));
    for (std::size_t i = 0; i < spec.min_inputs; ++i)
        if (!c.has(i)) return c.fail(errc::invalid_model, "operand " + std::to_string(i) + " is missing");
    for (const auto* operand : c.inputs)
        if (operand != nullptr && !operand->dims)
            return c.fail(errc::shape_mismatch, "the shape of operand '" + operand->name + "' is unknown",
                          "bind every dimension of the model's inputs");
    return {};
}

/// Errors: shape_mismatch where a result's extents are negative or overflow, invalid_model where there are too few results.
[[nodiscard]] inline result<void> check_results(const op_context& c, std::span<const inferred> results) {
    if (c.self.outputs.size() > results.size())
        return c.fail(errc::invalid_model, std::to_string(c.self.outputs.size()) + " results, at most " +
                                               std::to_string(results.size()));
    for (const auto& each : results) {
        if (each.dims.size() > max_rank)
            return c.bad_shape("a result of more than " + std::to_string(max_rank) + " axes");
        if (const auto n = checked_elements(each.dims); !n)
            return c.bad_shape("the result " + n.error().offender + ": " + n.error().message);
    }
    return {};
}

}  // namespace detail

/// Types and shapes of a layer's results.
/// Errors, all naming the layer: unsupported (unknown operator, or a shape that depends on data), invalid_model (operands
/// missing, too many, of wrong types), shape_mismatch. O(operands + attributes), whatever the numbers in them.
[[nodiscard]] inline result<std::vector<inferred>> infer_layer(const op_context& c) {
    const auto* spec = find_operator(c.self.op);
    if (spec == nullptr)
        return fail(errc::unsupported, c.self.name, "operator " + c.self.op + " is not handled",
                    "see dispart/model/operators.hpp");
    DISPART_CHECK(detail::check_operands(c, *spec));
    auto results = spec->infer(c);
    if (!results) return results;
    DISPART_CHECK(detail::check_results(c, *results));
    return results;
}

/// Floating-point operations of a layer whose operands' and results' shapes are known; 0 for an unknown operator.
[[nodiscard]] inline flops layer_flops(const op_context& c) {
    const auto* spec = find_operator(c.self.op);
    if (spec == nullptr || !detail::check_operands(c, *spec)) return flops(0.0);
    return flops(spec->flops(c));
}

}  // namespace dispart
