// A backend of your own: layer by layer, by dispart's general kernels.
#pragma once

#include "dispart/model/order.hpp"
#include "dispart/model/validate.hpp"
#include "dispart/run/concepts.hpp"
#include "dispart/run/kernels/evaluate.hpp"

using namespace dispart;

struct plain_executable {
    model net{};
    std::vector<layer_id> order{};
    result<std::vector<tensor>> run(std::span<const tensor> inputs) { return run(inputs, {}); }
    result<std::vector<tensor>> run(std::span<const tensor> inputs, const layer_observer& observer) {
        const auto& about = info(net);
        if (inputs.size() != about.inputs.size())
            return fail(errc::shape_mismatch, about.name, "another number of inputs");
        std::vector<tensor> values(about.tensors.size());
        for (tensor_id t = 0; t < values.size(); ++t) values[t] = about.tensors[t].value;  // constants
        for (std::size_t i = 0; i < inputs.size(); ++i)
            DISPART_CHECK(put(values, about.inputs[i], inputs[i]));
        for (const layer_id l : order) {
            const auto begin = std::chrono::steady_clock::now();
            std::vector<tensor> operands;
            for (const tensor_id t : net[l].inputs) operands.push_back(t == no_id ? tensor() : values[t]);
            DISPART_TRY(auto results, kernels::evaluate_layer(net[l], operands, about.opset));
            for (std::size_t i = 0; i < net[l].outputs.size() && i < results.size(); ++i)
                if (net[l].outputs[i] != no_id) DISPART_CHECK(put(values, net[l].outputs[i], results[i]));
            const std::chrono::duration<double> spent = std::chrono::steady_clock::now() - begin;
            if (observer) observer(l, seconds(spent.count()));
        }
        std::vector<tensor> outputs;
        for (const tensor_id t : about.outputs) outputs.push_back(values[t].clone());  // the caller's own
        return outputs;
    }
    result<void> put(std::vector<tensor>& values, tensor_id t, const tensor& value) const {
        const auto& said = info(net).tensors[t];
        if (!value.has_value() || value.type() != said.type || (said.dims && value.dims() != *said.dims))
            return fail(errc::shape_mismatch, said.name, "it is not what the model says");
        values[t] = value;
        return {};
    }
};

struct plain_backend {
    static std::string_view name() { return "plain"; }
    static result<plain_executable> load(const model& m) {
        DISPART_CHECK(validate(m));
        DISPART_TRY(auto order, topological_order(m));
        for (const auto& t : info(m).tensors)
            if (t.constant && !t.value.has_value())
                return fail(errc::invalid_model, t.name, "it has no value");
        for (const layer_id l : order)
            if (!kernels::supports(m[l].op))
                return fail(errc::unsupported, m[l].name, m[l].op + " is not known");
        return plain_executable{m, std::move(order)};
    }
};
static_assert(backend<plain_backend>);
