#pragma once
/// \file
/// The default backend: fast channels-last kernels where they apply, general Eigen kernels for everything else.

#include <algorithm>
#include <new>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/model/operators.hpp"
#include "dispart/model/validate.hpp"
#include "dispart/run/concepts.hpp"
#include "dispart/run/eigen/compiler.hpp"
#include "dispart/run/eigen/lower_elementwise.hpp"
#include "dispart/run/eigen/lower_matrix.hpp"
#include "dispart/run/eigen/lower_window.hpp"
#include "dispart/run/eigen/program.hpp"
#include "dispart/run/kernels/evaluate.hpp"

namespace dispart {

namespace eigen {

/// Lowers any layer that `evaluate_layer` knows.
template <class = void>
[[nodiscard]] result<void> lower_general(compiler& c, layer_id l) {
    const layer& self = c.at(l);
    if (!kernels::supports(self.op))
        return fail(errc::unsupported, self.name, "the operator " + self.op + " has no kernel");
    std::vector<slot_id> in;
    for (const auto t : self.inputs) in.push_back(t == no_id ? no_id : c.read(t, layout::plain));
    std::vector<slot_id> out;
    for (const auto t : self.outputs) out.push_back(t == no_id ? no_id : c.write_dynamic(t));
    c.emit([=, node = self, opset = c.opset()](machine& m) -> result<void> {
        std::vector<tensor> operands;
        for (const auto s : in) operands.push_back(s == no_id ? tensor() : m.values[s]);
        DISPART_TRY(auto results, kernels::evaluate_layer(node, operands, opset));
        for (std::size_t i = 0; i < out.size() && i < results.size(); ++i)
            if (out[i] != no_id) DISPART_CHECK(m.adopt(out[i], std::move(results[i]), node.name));
        return {};
    });
    return {};
}

/// Whether a layer's operands and results are described as its operator's rules have it, so that kernels which check
/// nothing may run it. False where only its elements decide its shapes, or where the rules do not know the operator: a
/// general kernel checks what it gets. Errors: those of `infer_layer`; shape_mismatch.
[[nodiscard]] inline result<bool> is_as_described(const compiler& c, layer_id l) {
    const layer& self = c.at(l);
    const described_layer described(c, l);
    const auto expected = infer_layer(described.context());
    if (!expected && expected.error().code == errc::unsupported) return false;
    if (!expected) return tl::unexpected(expected.error());
    for (std::size_t i = 0; i < self.outputs.size(); ++i) {
        if (self.outputs[i] == no_id) continue;
        const auto& about = c.about(self.outputs[i]);
        if (about.type != (*expected)[i].type || about.dims != (*expected)[i].dims)
            return fail(errc::shape_mismatch, self.name,
                        self.op + ": result " + std::to_string(i) + " is described as " +
                            to_string(*about.dims) + " and would be " + to_string((*expected)[i].dims));
    }
    return true;
}

/// True where the first result alone is wanted and has elements: what the fast kernels assume.
[[nodiscard]] inline bool has_one_result(const compiler& c, const layer& self) {
    const auto wanted = [](tensor_id t) { return t != no_id; };
    return !self.outputs.empty() && std::count_if(self.outputs.begin(), self.outputs.end(), wanted) == 1 &&
           wanted(self.outputs[0]) && elements(c.dims(self.outputs[0])) > 0;
}

/// Lowers a layer to a fast kernel. \return false where a general kernel must do it
[[nodiscard]] inline result<bool> lower_fast(compiler& c, layer_id l) {
    const auto& op = c.at(l).op;
    if (op == "Conv") return lower_conv(c, l);
    if (op == "MaxPool" || op == "AveragePool" || op == "GlobalAveragePool" || op == "GlobalMaxPool")
        return lower_pool(c, l);
    if (op == "Gemm") return lower_gemm(c, l);
    if (op == "MatMul") return lower_matmul(c, l);
    if (op == "Softmax") return lower_softmax(c, l);
    if (op == "LayerNormalization") return lower_layer_norm(c, l);
    if (op == "BatchNormalization") return lower_batch_norm(c, l);
    if (op == "Concat") return lower_concat(c, l);
    DISPART_TRY(const bool viewed, lower_view(c, l));
    if (viewed) return true;
    DISPART_TRY(const bool binary, lower_binary(c, l));
    return binary ? result<bool>(true) : lower_unary(c, l);
}

/// Lowers one layer, by the fastest way there is; one whose results nobody wants needs no work.
template <class = void>
[[nodiscard]] result<void> lower(compiler& c, layer_id l) {
    const layer& self = c.at(l);
    if (std::all_of(self.outputs.begin(), self.outputs.end(), [](tensor_id t) { return t == no_id; }))
        return {};
    DISPART_TRY(const bool checked, is_as_described(c, l));
    if (checked && has_one_result(c, self)) {
        DISPART_TRY(const bool fast, lower_fast(c, l));
        if (fast) return {};
    }
    return lower_general(c, l);
}

}  // namespace eigen

/// Runs models on this machine's processor, one thread, f32 kernels chosen at run time for its instruction set.
///
/// Results are the same bits for the same model on the same instruction set. Divided into stages it gives the same bits
/// too, unless a boundary parts layers that are fused otherwise (an addition from its convolution, a product from its
/// Sigmoid): then, as across instruction sets, results agree within rounding.
struct eigen_backend {
    [[nodiscard]] static constexpr std::string_view name() noexcept { return "eigen"; }

    /// Compiles a model: packs weights, fuses layers, plans memory. The model may be destroyed afterwards.
    /// Errors: those of `validate`; invalid_model (unknown shape, constant without a value); unsupported, naming the
    /// first layer whose operator has no kernel; limit_exceeded (no memory).
    template <class = void>
    [[nodiscard]] static result<eigen::eigen_executable> load(const model& m) {
        DISPART_CHECK(validate(m));
        try {
            DISPART_TRY(auto compiled, eigen::compiler(m).compile(eigen::lower<>));
            return eigen::eigen_executable(std::move(compiled));
        } catch (const std::bad_alloc&) {
            return fail(errc::limit_exceeded, info(m).name, "not enough memory to load the model");
        }
    }
};
static_assert(backend<eigen_backend>);

}  // namespace dispart
