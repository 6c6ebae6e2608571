#pragma once
/// \file
/// The default backend: fast channels-last kernels where they apply, general Eigen kernels for everything else.

#include <string_view>
#include <utility>
#include <vector>

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
[[nodiscard]] inline result<void> lower_general(compiler& c, layer_id l) {
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

/// Lowers one layer, by the fastest way there is.
[[nodiscard]] inline result<void> lower(compiler& c, layer_id l) {
    const auto& op = c.at(l).op;
    const auto by = [&]() -> result<bool> {
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
    };
    DISPART_TRY(const bool fast, by());
    return fast ? result<void>() : lower_general(c, l);
}

}  // namespace eigen

/// Runs models on this machine's processor, one thread, f32 kernels chosen at run time for its instruction set.
///
/// Results are the same bits for the same model on the same instruction set, and within rounding across sets and splits.
struct eigen_backend {
    [[nodiscard]] static constexpr std::string_view name() noexcept { return "eigen"; }

    /// Compiles a model: packs weights, fuses layers, plans memory. The model may be destroyed afterwards.
    /// Errors: those of `validate`; invalid_model (unknown shape, constant without a value); unsupported, naming the
    /// first layer whose operator has no kernel; limit_exceeded (no memory).
    [[nodiscard]] static result<eigen::eigen_executable> load(const model& m) {
        DISPART_CHECK(validate(m));
        try {
            DISPART_TRY(auto compiled, eigen::compiler(m).compile(eigen::lower));
            return eigen::eigen_executable(std::move(compiled));
        } catch (const std::bad_alloc&) {
            return fail(errc::limit_exceeded, info(m).name, "not enough memory to load the model");
        }
    }
};
static_assert(backend<eigen_backend>);

}  // namespace dispart
