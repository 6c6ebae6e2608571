#pragma once
/// \file
/// Builds a layer graph step by step and checks it.

#include <concepts>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "dispart/core/result.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/infer.hpp"
#include "dispart/model/validate.hpp"

namespace dispart {

/// What else a layer has besides its operator and operands.
struct layer_options {
    std::string name{};  ///< default: the operator and a number
    attributes attrs{};
    std::size_t outputs = 1;  ///< number of results
    std::vector<std::string>
        results{};  ///< their names; default: the layer's name, with a number where there are several
};

/// Builds a layer graph: every call appends and returns tensor ids, `build` checks. The first error is remembered and
/// returned by `build`; calls after it do nothing harmful. Shapes are inferred as layers are added, so that `dims` can
/// be asked for on the way.
template <class Layer = layer, class Tensor = tensor_info>
    requires std::derived_from<Layer, layer> && std::derived_from<Tensor, tensor_info>
class basic_model_builder {
  public:
    explicit basic_model_builder(std::string name, std::int64_t opset = 17) {
        info(graph_).name = std::move(name);
        info(graph_).opset = opset;
    }

    /// A tensor that the caller feeds.
    tensor_id input(std::string name, shape dims, dtype type = dtype::f32) {
        const auto t = describe(std::move(name), type, std::move(dims), false);
        info(graph_).inputs.push_back(t);
        return t;
    }

    /// A constant with its elements; the storage is shared.
    tensor_id constant(std::string name, tensor value) {
        const auto t = describe(std::move(name), value.type(), value.dims(), true);
        tensor_at(t).value = std::move(value);
        return t;
    }

    /// A constant that is described only: enough to plan with, not to run.
    tensor_id weight(std::string name, shape dims, dtype type = dtype::f32) {
        return describe(std::move(name), type, std::move(dims), true);
    }

    /// A layer; returns its first result (`no_id` where `options.outputs` is 0).
    tensor_id add(std::string op, std::vector<tensor_id> inputs, layer_options options = {}) {
        const auto all = add_many(std::move(op), std::move(inputs), std::move(options));
        return all.empty() ? no_id : all.front();
    }

    /// A layer; returns all its results.
    std::vector<tensor_id> add_many(std::string op, std::vector<tensor_id> inputs, layer_options options = {}) {
        const auto v = add_vertex(graph_);
        auto& added = graph_[v];
        added.name = options.name.empty() ? unused_name(op, v) : std::move(options.name);
        if (!layer_names_.insert(added.name).second) refuse(added.name, "two layers have this name");
        added.op = std::move(op);
        added.attrs = std::move(options.attrs);
        added.inputs = std::move(inputs);
        for (const auto t : added.inputs)
            if (t != no_id && t >= info(graph_).tensors.size())
                refuse(added.name, "an operand id is out of range");
        for (std::size_t i = 0; i < options.outputs; ++i) {
            auto name = options.outputs == 1 ? added.name : added.name + ":" + std::to_string(i);
            if (i < options.results.size()) name = std::move(options.results[i]);
            added.outputs.push_back(describe(std::move(name), dtype::f32, std::nullopt, false));
        }
        infer_last();
        return graph_[v].outputs;
    }

    /// Marks a tensor as a result of the model. Order counts.
    void output(tensor_id t) {
        if (t >= info(graph_).tensors.size()) refuse(info(graph_).name, "an output id is out of range");
        else info(graph_).outputs.push_back(t);
    }
    /// The same, and gives the tensor a name.
    void output(tensor_id t, std::string name) {
        if (t < info(graph_).tensors.size()) tensor_at(t).name = std::move(name);
        output(t);
    }

    /// Shape of a tensor as far as it is known; a scalar where it is not (and then `build` will fail).
    [[nodiscard]] shape dims(tensor_id t) const {
        return t < info(graph_).tensors.size() ? info(graph_).tensors[t].dims.value_or(shape{}) : shape{};
    }
    /// Bundle of a tensor, to hang properties on. Precondition: the id was returned by this builder.
    [[nodiscard]] Tensor& tensor_at(tensor_id t) {
        DISPART_EXPECTS(t < info(graph_).tensors.size());
        return info(graph_).tensors[t];
    }
    /// Bundle of the layer added last. Precondition: there is one.
    [[nodiscard]] Layer& last_layer() {
        DISPART_EXPECTS(num_vertices(graph_) > 0);
        return graph_[num_vertices(graph_) - 1];
    }

    /// The finished graph: edges added, validated, all shapes inferred. Errors: the first one that adding met, or those
    /// of `validate` and `infer_shapes`; invalid_model where there is no layer or no output.
    [[nodiscard]] result<layer_graph<Layer, Tensor>> build(const layer_evaluator& evaluate = {}) && {
        if (failed_) return tl::unexpected(*failed_);
        if (num_vertices(graph_) == 0)
            return fail(errc::invalid_model, info(graph_).name, "the model has no layer");
        if (info(graph_).outputs.empty())
            return fail(errc::invalid_model, info(graph_).name, "the model has no output",
                        "call output(tensor)");
        connect(graph_);
        DISPART_CHECK(validate(graph_));
        DISPART_CHECK(infer_shapes(graph_, evaluate));
        return std::move(graph_);
    }
    [[nodiscard]] result<layer_graph<Layer, Tensor>> build(const layer_evaluator& evaluate = {}) const& {
        auto copy = *this;
        return std::move(copy).build(evaluate);
    }

  private:
    void refuse(std::string offender, std::string message) {
        if (!failed_) failed_ = error{errc::invalid_model, std::move(offender), std::move(message), {}};
    }

    tensor_id describe(std::string name, dtype type, std::optional<shape> dims, bool constant) {
        if (name.empty())
            refuse("tensor " + std::to_string(info(graph_).tensors.size()), "the name is empty");
        if (!tensor_names_.insert(name).second) refuse(name, "two tensors have this name");
        if (dims && !checked_elements(*dims)) {
            if (!failed_)
                failed_ = error{errc::shape_mismatch,
                                name,
                                "the shape " + to_string(*dims) + " is negative or overflows",
                                {}};
            dims.reset();
        }
        Tensor made{};
        made.name = std::move(name);
        made.type = type;
        made.dims = std::move(dims);
        made.constant = constant;
        info(graph_).tensors.push_back(std::move(made));
        return info(graph_).tensors.size() - 1;
    }

    [[nodiscard]] std::string unused_name(const std::string& op, layer_id v) const {
        auto name = op + "_" + std::to_string(v);
        while (layer_names_.contains(name) || tensor_names_.contains(name)) name += "_";
        return name;
    }

    /// Shapes of the last layer's results where they can be told already; what is wrong is told by `build`.
    void infer_last() {
        const auto& self = last_layer();
        std::vector<const tensor_info*> operands;
        for (const auto t : self.inputs) {
            if (t != no_id && t >= info(graph_).tensors.size()) return;
            operands.push_back(t == no_id ? nullptr : &info(graph_).tensors[t]);
        }
        const auto found = infer_layer({self, operands, {}, info(graph_).opset});
        for (std::size_t i = 0; found && i < self.outputs.size(); ++i) {
            info(graph_).tensors[self.outputs[i]].type = (*found)[i].type;
            info(graph_).tensors[self.outputs[i]].dims = (*found)[i].dims;
        }
    }

    layer_graph<Layer, Tensor> graph_{};
    std::unordered_set<std::string> layer_names_{};
    std::unordered_set<std::string> tensor_names_{};
    std::optional<error> failed_{};
};

/// The builder of models with the default bundles.
using model_builder = basic_model_builder<>;

}  // namespace dispart
