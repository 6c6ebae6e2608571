#pragma once
/// \file
/// A plain backend: layer by layer, element-wise operators as xtensor expressions, everything else by the general kernels.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <xtensor/xadapt.hpp>
#include <xtensor/xmath.hpp>

#include "dispart/model/order.hpp"
#include "dispart/model/validate.hpp"
#include "dispart/run/concepts.hpp"
#include "dispart/run/kernels/evaluate.hpp"

namespace dispart {

namespace detail {

/// A f32 tensor's elements as an xtensor expression.
[[nodiscard]] inline auto as_xtensor(const tensor& t) {
    return xt::adapt(t.data<float>().data(), t.size(), xt::no_ownership(), t.dims());
}
[[nodiscard]] inline auto as_xtensor(tensor& t) {
    return xt::adapt(t.data<float>().data(), t.size(), xt::no_ownership(), t.dims());
}

/// Relu, Sigmoid, Tanh, Exp, Neg, Abs, Sqrt; nothing for other operators. \param made of the operand's shape
[[nodiscard]] inline bool unary_by_xtensor(const std::string& op, const tensor& x, tensor& made) {
    const auto in = as_xtensor(x);
    auto out = as_xtensor(made);
    if (op == "Relu") out = xt::maximum(in, 0.0F);
    else if (op == "Sigmoid") out = 1.0F / (1.0F + xt::exp(-in));
    else if (op == "Tanh") out = xt::tanh(in);
    else if (op == "Exp") out = xt::exp(in);
    else if (op == "Neg") out = -in;
    else if (op == "Abs") out = xt::abs(in);
    else if (op == "Sqrt") out = xt::sqrt(in);
    else return false;
    return true;
}

/// Add, Sub, Mul, Div with broadcasting; nothing for other operators. \param made of the broadcast shape
[[nodiscard]] inline bool binary_by_xtensor(const std::string& op, const tensor& a, const tensor& b,
                                            tensor& made) {
    const auto x = as_xtensor(a);
    const auto y = as_xtensor(b);
    auto out = as_xtensor(made);
    if (op == "Add") out = x + y;
    else if (op == "Sub") out = x - y;
    else if (op == "Mul") out = x * y;
    else if (op == "Div") out = x / y;
    else return false;
    return true;
}

/// The shape that two shapes broadcast to, or nothing.
[[nodiscard]] inline std::optional<shape> broadcast_of(const shape& a, const shape& b) {
    shape made(std::max(a.size(), b.size()), 1);
    for (std::size_t i = 0; i < made.size(); ++i) {  // from the last axis
        const std::int64_t x = i < a.size() ? a[a.size() - 1 - i] : 1;
        const std::int64_t y = i < b.size() ? b[b.size() - 1 - i] : 1;
        if (x != y && x != 1 && y != 1) return std::nullopt;
        made[made.size() - 1 - i] = x == 1 ? y : x;
    }
    return made;
}

/// The layer's one result where xtensor computes it; nothing where a general kernel has to.
[[nodiscard]] inline std::optional<tensor> by_xtensor(const layer& l, std::span<const tensor> operands) {
    const auto fits = [](const tensor& t) { return t.has_value() && t.type() == dtype::f32 && t.size() > 0; };
    if (l.outputs.size() != 1 || !std::all_of(operands.begin(), operands.end(), fits)) return std::nullopt;
    if (operands.size() == 1) {
        tensor made(dtype::f32, operands[0].dims());
        if (unary_by_xtensor(l.op, operands[0], made)) return made;
    }
    if (operands.size() == 2 && !l.attrs.contains("axis"))
        if (const auto dims = broadcast_of(operands[0].dims(), operands[1].dims())) {
            tensor made(dtype::f32, *dims);
            if (binary_by_xtensor(l.op, operands[0], operands[1], made)) return made;
        }
    return std::nullopt;
}

}  // namespace detail

/// A loaded model of `xtensor_backend`; satisfies `executable`.
class xtensor_executable {
  public:
    xtensor_executable(model net, std::vector<layer_id> order)
        : net_(std::move(net))
        , order_(std::move(order)) {
        last_reader_.assign(info(net_).tensors.size(), no_id);
        for (std::size_t i = 0; i < order_.size(); ++i)
            for (const tensor_id t : net_[order_[i]].inputs)
                if (t != no_id) last_reader_[t] = i;
        for (const tensor_id t : info(net_).outputs) last_reader_[t] = order_.size();
    }

    [[nodiscard]] result<std::vector<tensor>> run(std::span<const tensor> inputs) { return run(inputs, {}); }

    /// Errors: shape_mismatch where an input or a layer's result is not what the model says; those of the kernels.
    [[nodiscard]] result<std::vector<tensor>> run(std::span<const tensor> inputs,
                                                  const layer_observer& observer) {
        const auto& about = info(net_);
        std::vector<tensor> values(about.tensors.size());
        DISPART_CHECK(take(inputs, values));
        for (std::size_t i = 0; i < order_.size(); ++i) {
            const auto begin = std::chrono::steady_clock::now();
            DISPART_CHECK(compute(net_[order_[i]], values));
            const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
            if (observer) observer(order_[i], seconds(spent.count()));
            for (const tensor_id t : net_[order_[i]].inputs)
                if (t != no_id && last_reader_[t] == i) values[t] = tensor();
        }
        std::vector<tensor> results;
        for (const tensor_id t : about.outputs)
            results.push_back(about.tensors[t].constant ? about.tensors[t].value : values[t]);
        values.clear();
        for (tensor& each : results)
            if (!each.unique())
                each = each.clone();  // an output twice, a constant, an input that passed through
        return results;
    }

  private:
    [[nodiscard]] result<void> is_as_described(tensor_id t, const tensor& value) const {
        const tensor_info& said = info(net_).tensors[t];
        if (value.has_value() && value.type() == said.type && (!said.dims || value.dims() == *said.dims))
            return {};
        return fail(errc::shape_mismatch, said.name,
                    "it is " + std::string(to_string(value.type())) + to_string(value.dims()) +
                        ", the model says " + std::string(to_string(said.type)) +
                        (said.dims ? to_string(*said.dims) : ""));
    }

    [[nodiscard]] result<void> take(std::span<const tensor> inputs, std::vector<tensor>& values) const {
        const auto& about = info(net_);
        if (inputs.size() != about.inputs.size())
            return fail(errc::shape_mismatch, about.name,
                        std::to_string(inputs.size()) + " inputs for a model of " +
                            std::to_string(about.inputs.size()));
        for (std::size_t i = 0; i < inputs.size(); ++i) {
            DISPART_CHECK(is_as_described(about.inputs[i], inputs[i]));
            values[about.inputs[i]] = inputs[i];
        }
        return {};
    }

    [[nodiscard]] result<void> compute(const layer& l, std::vector<tensor>& values) const {
        std::vector<tensor> operands;
        for (const tensor_id t : l.inputs)
            operands.push_back(t == no_id                       ? tensor()
                               : info(net_).tensors[t].constant ? info(net_).tensors[t].value
                                                                : values[t]);
        std::vector<tensor> results;
        if (auto made = detail::by_xtensor(l, operands)) {
            results.push_back(std::move(*made));
        } else {
            DISPART_TRY(results, kernels::evaluate_layer(l, operands, info(net_).opset));
        }
        for (std::size_t i = 0; i < l.outputs.size() && i < results.size(); ++i) {
            if (l.outputs[i] == no_id) continue;
            DISPART_CHECK(is_as_described(l.outputs[i], results[i]));
            values[l.outputs[i]] = std::move(results[i]);
        }
        return {};
    }

    model net_;
    std::vector<layer_id> order_;
    std::vector<std::size_t> last_reader_{};  ///< [tensor] position in the order
};

/// The reference that other backends are compared with, and the shortest example of one: it packs, fuses and plans nothing, and
/// is many times slower than the Eigen backend. Memory of a value is released after its last reader.
struct xtensor_backend {
    [[nodiscard]] static constexpr std::string_view name() noexcept { return "xtensor"; }

    /// Keeps a copy of the model, which shares its weights. Errors: those of `validate`; invalid_model (a constant without a
    /// value, a cycle); unsupported, naming the first layer whose operator has no kernel.
    [[nodiscard]] static result<xtensor_executable> load(const model& m) {
        DISPART_CHECK(validate(m));
        DISPART_TRY(auto order, topological_order(m));
        for (const auto& t : info(m).tensors)
            if (t.constant && !t.value.has_value())
                return fail(errc::invalid_model, t.name, "the constant has no value",
                            "the model was made without weights");
        for (const layer_id l : order)
            if (!kernels::supports(m[l].op))
                return fail(errc::unsupported, m[l].name, "the operator " + m[l].op + " has no kernel");
        return xtensor_executable(m, std::move(order));
    }
};
static_assert(backend<xtensor_backend>);

}  // namespace dispart
