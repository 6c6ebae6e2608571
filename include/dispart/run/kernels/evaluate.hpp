#pragma once
/// \file
/// Evaluating one layer by its operator's kernel: plain row-major arithmetic with ONNX semantics, opsets 1 to 17.

#include <new>
#include <string_view>

#include "dispart/run/kernels/binary.hpp"
#include "dispart/run/kernels/conv.hpp"
#include "dispart/run/kernels/einsum.hpp"
#include "dispart/run/kernels/indexing.hpp"
#include "dispart/run/kernels/loss.hpp"
#include "dispart/run/kernels/matmul.hpp"
#include "dispart/run/kernels/movement.hpp"
#include "dispart/run/kernels/norm.hpp"
#include "dispart/run/kernels/pool.hpp"
#include "dispart/run/kernels/quantize.hpp"
#include "dispart/run/kernels/recurrent.hpp"
#include "dispart/run/kernels/reduce.hpp"
#include "dispart/run/kernels/resize.hpp"
#include "dispart/run/kernels/sampling.hpp"
#include "dispart/run/kernels/shape_ops.hpp"
#include "dispart/run/kernels/softmax.hpp"
#include "dispart/run/kernels/sorting.hpp"
#include "dispart/run/kernels/spectral.hpp"
#include "dispart/run/kernels/unary.hpp"

namespace dispart::kernels {

namespace detail {

/// All families, sorted by operator.
template <class = void>
[[nodiscard]] const std::vector<kernel_row>& all_rows() {
    static const auto rows = [] {
        std::vector<kernel_row> all;
        const auto add_family = [&](const auto& family) {
            all.insert(all.end(), family.begin(), family.end());
        };
        add_family(unary_rows<>);
        add_family(binary_rows<>);
        add_family(reduce_rows<>);
        add_family(softmax_rows<>);
        add_family(norm_rows<>);
        add_family(matmul_rows<>);
        add_family(conv_rows<>);
        add_family(pool_rows<>);
        add_family(shape_rows<>);
        add_family(movement_rows<>);
        add_family(indexing_rows<>);
        add_family(sorting_rows<>);
        add_family(resize_rows<>);
        add_family(sampling_rows<>);
        add_family(recurrent_rows<>);
        add_family(quantize_rows<>);
        add_family(einsum_rows<>);
        add_family(spectral_rows<>);
        add_family(loss_rows<>);
        std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.op < b.op; });
        return all;
    }();
    return rows;
}

template <class = void>
[[nodiscard]] const kernel_row* find_row(std::string_view op) {
    const auto& rows = all_rows();
    const auto found = std::lower_bound(rows.begin(), rows.end(), op,
                                        [](const auto& row, auto name) { return row.op < name; });
    return found != rows.end() && found->op == op ? &*found : nullptr;
}

/// Errors: invalid_model (too few or too many operands, too many axes).
[[nodiscard]] inline result<void> check_operands(const call& c, const kernel_row& row) {
    if (c.in.size() > row.max_operands)
        return c.fail(errc::invalid_model, std::to_string(c.in.size()) + " operands");
    for (std::size_t i = 0; i < row.min_operands; ++i)
        if (!c.has(i)) return c.fail(errc::invalid_model, "operand " + std::to_string(i) + " is absent");
    for (const auto& operand : c.in)
        if (operand.rank() > max_axes)
            return c.fail(errc::limit_exceeded, "an operand has over " + std::to_string(max_axes) + " axes");
    return {};
}

/// Runs a kernel whose 16-bit floating operands are computed as f32.
[[nodiscard]] inline outcome run_widened(const call& c, const kernel_row& row) {
    std::vector<tensor> wide(c.in.begin(), c.in.end());
    std::optional<dtype> half;
    for (auto& operand : wide) {
        if (!operand.has_value() || (operand.type() != dtype::f16 && operand.type() != dtype::bf16)) continue;
        half = operand.type();
        DISPART_TRY(operand, widened(c, operand));
    }
    if (!half) return row.run(c);
    auto made = row.run({c.node, wide, c.opset});
    if (!made) return made;
    for (auto& result_of : *made) {
        DISPART_TRY(result_of, narrowed(c, result_of, *half));
    }
    return made;
}

}  // namespace detail

/// True where a kernel for the operator exists (in the domain ai.onnx).
template <class = void>
[[nodiscard]] bool supports(std::string_view op) {
    return detail::find_row(op) != nullptr;
}

/// Names of all operators that have a kernel, sorted.
template <class = void>
[[nodiscard]] std::vector<std::string_view> supported_operators() {
    std::vector<std::string_view> names;
    for (const auto& row : detail::all_rows()) names.push_back(row.op);
    return names;
}

/// Computes one layer by its operator's kernel: `evaluate_layer(layer, operands, opset)`; a `layer_evaluator`. Results may
/// share storage with operands (Reshape, Identity).
/// Errors: unsupported (operator without a kernel, or a type, attribute or version it does not handle), shape_mismatch,
/// invalid_model, limit_exceeded; the offender is the layer, the message names the operator. Never undefined behaviour,
/// whatever the attributes, shapes and values.
///
/// An object, and its call a template like all kernels, so that only who calls it pays for compiling them.
struct layer_evaluation {
    template <class = void>
    [[nodiscard]] outcome operator()(const layer& node, std::span<const tensor> operands,
                                     std::int64_t opset) const {
        const call c{node, operands, opset};
        const auto* row = detail::find_row(node.op);
        if (row == nullptr)
            return dispart::fail(errc::unsupported, node.name, "operator " + node.op + " has no kernel");
        try {
            DISPART_CHECK(detail::check_operands(c, *row));
            auto made = row->half == halves::as_float ? detail::run_widened(c, *row) : row->run(c);
            if (!made || node.outputs.empty()) return made;
            for (std::size_t i = made->size(); i < node.outputs.size(); ++i)
                if (c.wants(i)) return c.unsupported("result " + std::to_string(i));
            made->resize(node.outputs.size());
            return made;
        } catch (const std::bad_alloc&) {
            return c.fail(errc::limit_exceeded, "not enough memory");
        }
    }
};
inline constexpr layer_evaluation evaluate_layer{};

}  // namespace dispart::kernels
