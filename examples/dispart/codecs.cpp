// What codecs cost on this machine, and on the tensors that a plan sends.
#include "dispart/codecs.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "dispart/engine.hpp"
#include "dispart/model/extract.hpp"
#include "dispart/model/order.hpp"
#include "dispart/plan/make_plan.hpp"
#include "dispart/run/standard_codecs.hpp"

namespace cli {

using namespace dispart;

namespace {

result<codec_options> measured(const codec_choice& choice, std::span<const tensor> samples, seconds budget) {
    codec_options made{.max_relative_error = choice.max_error};
    if (choice.name == "raw") return made;
    if (choice.name != "auto") DISPART_CHECK(known_codecs().find(choice.name));
    for (const any_codec& each : known_codecs()) {
        const bool wanted = choice.name == "auto" || choice.name == each.name();
        if (!wanted || each.max_relative_error() > choice.max_error) continue;
        DISPART_TRY(const auto one, measure_codec(each, samples, {.budget = budget}));
        made.costs.push_back(one.cost);
    }
    if (made.costs.empty())
        return fail(errc::invalid_argument, choice.name, "its error is larger than --max-error allows");
    return made;
}

/// The tensors that every stage makes for one request, by id of the model.
result<std::map<tensor_id, tensor>> run_stages(const dispart::plan& p, const model& net,
                                               const std::vector<tensor>& inputs) {
    DISPART_TRY(const auto order, topological_order(net));
    std::map<tensor_id, tensor> values;
    const auto& all = info(net).inputs;  // of each turn the same
    for (std::size_t i = 0; i < all.size(); ++i) values[all[i]] = inputs[i % inputs.size()];
    for (const part& each : p.division.parts) {
        std::vector<layer_id> layers;
        for (const layer_id position : each.layers) layers.push_back(order[position]);
        DISPART_TRY(const auto cut, extract(net, layers));
        DISPART_TRY(auto loaded, local_backend{}.load(cut.graph));
        std::vector<tensor> in;
        for (const tensor_id t : info(cut.graph).inputs) in.push_back(values[cut.tensors[t]]);
        DISPART_TRY(auto out, loaded.run(in));
        const auto& made = info(cut.graph).outputs;
        for (std::size_t i = 0; i < made.size(); ++i) values[cut.tensors[made[i]]] = std::move(out[i]);
    }
    return values;
}

/// Ids of the model's activations in the order in which an instance numbers them.
std::vector<tensor_id> activations(const model& net) {
    std::vector<tensor_id> ids = info(net).inputs;
    for (layer_id v = 0; v < num_vertices(net); ++v)
        std::copy_if(net[v].outputs.begin(), net[v].outputs.end(), std::back_inserter(ids),
                     [](tensor_id t) { return t != no_id; });
    std::sort(ids.begin(), ids.end());
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    return ids;
}

result<void> predict_again(dispart::plan& p) {
    const instance network = network_instance(p);
    DISPART_TRY(p.prediction, detail::predict(network, p.tasks, 64));
    evaluation figures;
    detail::predict_period(network, p.tasks, figures);
    const resource& busiest = figures.binding;
    p.binding = busiest.what == resource::kind::device ? "device " + p.devices[busiest.id].name
                : busiest.what == resource::kind::link
                    ? "link " + p.network.link_names[busiest.id]
                    : "route " + p.devices[busiest.id].name + " -> " + p.devices[busiest.peer].name;
    p.bound_s = std::min(p.bound_s, p.prediction.value(p.goal));
    p.gap = 1.0 - p.bound_s / p.prediction.value(p.goal);
    return {};
}

}  // namespace

const codec_table& known_codecs() {
    static const codec_table all = all_codecs();
    return all;
}

result<codec_options> codec_options_of(const codec_choice& choice) {
    const std::vector<tensor> sample{activation_sample()};
    return measured(choice, sample, seconds(0.02));
}

result<void> refine_codecs(dispart::plan& p, const model& net, const codec_choice& choice,
                           const std::vector<tensor>& inputs) {
    if (choice.name == "raw") return {};
    DISPART_TRY(const auto values, run_stages(p, net, inputs));
    const auto ids = activations(net);
    std::vector<message_codecs> may;
    for (const message& m : p.tasks.messages) {
        may.emplace_back();
        if (m.codec.empty()) continue;
        std::vector<tensor> sent;
        for (const tensor_id t : m.tensors) {
            const auto found = t < ids.size() ? values.find(ids[t]) : values.end();
            if (found == values.end() || found->second.type() != dtype::f32) continue;
            sent.push_back(found->second);
            may.back().coded += static_cast<double>(found->second.size_bytes());
        }
        if (sent.empty()) continue;
        DISPART_TRY(auto options, measured(choice, sent, seconds(0.0)));
        may.back().costs = std::move(options.costs);
    }
    choose_codecs(network_instance(p), p.goal, {.max_relative_error = choice.max_error}, may, p.tasks);
    return predict_again(p);
}

}  // namespace cli
