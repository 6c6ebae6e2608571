#pragma once
/// \file
/// What is to run where: stages as bytes, and the edges between them. All that a coordinator needs, whoever planned it.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/model/extract.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/order.hpp"
#include "dispart/task/part.hpp"

namespace dispart {

/// A device that takes part: its name in messages and timelines, and where its worker listens.
struct worker_host {
    std::string name{};
    std::string address{};
};

/// One part of the model, for one device.
struct deployed_stage {
    device_id device = no_id;        ///< index into `deployment::hosts`
    std::vector<std::byte> model{};  ///< as the worker's decoder understands it
    std::size_t inputs = 0;          ///< tensors that it reads
    std::size_t outputs = 0;         ///< tensors that it makes
    std::size_t turn = 0;            ///< it works on requests turn, turn + turns, ...
};

/// The tensors that go from one stage to another for each request, in one message.
struct stage_edge {
    part_id from = no_id;                ///< stage, or no_id: the source
    part_id to = no_id;                  ///< stage, or no_id: the sink
    std::vector<std::size_t> outputs{};  ///< positions among the origin's outputs (of the source: the model's inputs)
    std::vector<std::size_t> inputs{};  ///< positions among the destination's inputs (of the sink: the model's outputs)
    std::string codec = "raw";
    std::size_t depth = 1;                         ///< messages that wait at either end
    std::size_t max_bytes = std::size_t{1} << 30;  ///< of one message, beyond which it is refused
};

/// Stages in an order in which each comes after those whose tensors it reads. Source and sink are the coordinator.
struct deployment {
    std::vector<worker_host> hosts{};
    std::vector<deployed_stage> stages{};
    std::vector<stage_edge> edges{};
    std::size_t inputs = 0;   ///< of the model
    std::size_t outputs = 0;  ///< of the model
    std::size_t turns = 1;    ///< replicas: request r goes through the stages of turn r mod turns

    [[nodiscard]] std::size_t turn_of(const stage_edge& edge) const {
        const part_id end = edge.from == no_id ? edge.to : edge.from;
        return end == no_id ? 0 : stages[end].turn;
    }
};

namespace detail {

[[nodiscard]] inline tl::unexpected<error> bad_deployment(std::string offender, std::string problem) {
    return fail(errc::invalid_argument, std::move(offender), std::move(problem));
}

/// Counts how often each port is fed, and checks that every edge stays in bounds.
[[nodiscard]] inline result<void> check_edges(const deployment& d, std::vector<std::vector<std::size_t>>& fed) {
    for (std::size_t e = 0; e < d.edges.size(); ++e) {
        const stage_edge& edge = d.edges[e];
        const std::string name = "edge " + std::to_string(e);
        const bool known = (edge.from == no_id || edge.from < d.stages.size()) &&
                           (edge.to == no_id || edge.to < d.stages.size());
        if (!known) return bad_deployment(name, "it names a stage that does not exist");
        if (edge.from != no_id && edge.to != no_id && edge.from >= edge.to)
            return bad_deployment(name, "it goes to an earlier stage");
        if (edge.from != no_id && edge.to != no_id && d.stages[edge.from].turn != d.stages[edge.to].turn)
            return bad_deployment(name, "it goes from one turn to another");
        if (edge.depth == 0 || edge.outputs.size() != edge.inputs.size())
            return bad_deployment(name, "it has no depth, or not as many inputs as outputs");
        const std::size_t made = edge.from == no_id ? d.inputs : d.stages[edge.from].outputs;
        auto& ports = fed[edge.to == no_id ? d.stages.size() + d.turn_of(edge) : edge.to];
        for (std::size_t i = 0; i < edge.inputs.size(); ++i) {
            if (edge.outputs[i] >= made || edge.inputs[i] >= ports.size())
                return bad_deployment(name, "it names a tensor that does not exist");
            ++ports[edge.inputs[i]];
        }
    }
    return {};
}

}  // namespace detail

/// Errors: invalid_argument unless stages are on known hosts, edges go forward and stay in bounds and within their turn,
/// every stage has an edge that starts it, and every input of a stage and, in each turn, output of the model is fed
/// exactly once. O(edges + tensors).
[[nodiscard]] inline result<void> validate(const deployment& d) {
    std::vector<std::vector<std::size_t>> fed;
    for (const deployed_stage& each : d.stages) fed.emplace_back(each.inputs, 0);
    fed.resize(fed.size() + d.turns, std::vector<std::size_t>(d.outputs, 0));
    for (const deployed_stage& each : d.stages)
        if (each.turn >= d.turns)
            return detail::bad_deployment("turns", "a stage is of a turn that does not exist");
    DISPART_CHECK(detail::check_edges(d, fed));
    for (std::size_t s = 0; s < fed.size(); ++s) {
        const bool sink = s >= d.stages.size();
        const std::string name = sink ? "sink" : "stage " + std::to_string(s);
        if (!sink && d.stages[s].device >= d.hosts.size())
            return detail::bad_deployment(name, "its host does not exist");
        for (const std::size_t count : fed[s])
            if (count != 1)
                return detail::bad_deployment(name, "a tensor is fed " + std::to_string(count) + " times");
        const auto starts = [&](const stage_edge& edge) { return edge.to == s; };
        if (!sink && std::none_of(d.edges.begin(), d.edges.end(), starts))
            return detail::bad_deployment(name, "no edge goes there, so that it would never run");
    }
    return {};
}

/// Length of the longest path to each stage, in stages before it. Precondition: valid. O(edges).
[[nodiscard]] inline std::vector<std::size_t> levels(const deployment& d) {
    std::vector<std::size_t> level(d.stages.size(), 0);
    for (part_id s = 0; s < d.stages.size(); ++s)
        for (const stage_edge& each : d.edges)
            if (each.to == s && each.from != no_id) level[s] = std::max(level[s], level[each.from] + 1);
    return level;
}

/// The codec of one edge; `no_id` stands for the source and the sink.
struct edge_codec {
    part_id from = no_id;
    part_id to = no_id;
    std::string name{};
};

/// Settings of `make_deployment`.
struct deployment_options {
    std::string codec = "raw";         ///< of all edges but
    std::vector<edge_codec> codecs{};  ///< these
    std::size_t depth = 1;             ///< messages that wait at either end of an edge between neighbours
};

/// Turns a stage into the bytes that travel to its worker; the application says how (`write_onnx`).
using model_encoder = std::function<result<std::vector<std::byte>>(const model&)>;

namespace detail {

/// The tensors of a model that each stage reads and makes, by id of the whole model, in the stage's own order.
struct stage_ports {
    std::vector<tensor_id> inputs{};
    std::vector<tensor_id> outputs{};
};

[[nodiscard]] inline std::vector<tensor_id> original(const std::vector<tensor_id>& ids,
                                                     const std::vector<tensor_id>& origin) {
    std::vector<tensor_id> made;
    for (const tensor_id t : ids) made.push_back(origin[t]);
    return made;
}

/// Where each tensor is made: a stage and its position there, or the source and the position among a request's inputs.
[[nodiscard]] inline std::map<tensor_id, std::pair<part_id, std::size_t>>
makers(const model& whole, const std::vector<stage_ports>& ports, std::size_t turns) {
    std::map<tensor_id, std::pair<part_id, std::size_t>> made;
    const auto& inputs = info(whole).inputs;
    for (std::size_t i = 0; i < inputs.size(); ++i)
        made.try_emplace(inputs[i], no_id, i % (inputs.size() / turns));
    for (part_id s = 0; s < ports.size(); ++s)
        for (std::size_t i = 0; i < ports[s].outputs.size(); ++i) made.try_emplace(ports[s].outputs[i], s, i);
    return made;
}

/// Bytes that a message with these tensors may have: what their shapes say, and room for its table; a default where a
/// shape is unknown.
[[nodiscard]] inline std::size_t message_limit(const model& whole, const std::vector<tensor_id>& tensors) {
    double total = 4096.0 + 1024.0 * static_cast<double>(tensors.size());
    for (const tensor_id t : tensors) {
        const tensor_info& each = info(whole).tensors[t];
        if (!each.dims) return stage_edge{}.max_bytes;
        total += each.size_bytes();
    }
    return static_cast<std::size_t>(total * 1.25);  // compressors may lengthen what they cannot compress
}

[[nodiscard]] inline const std::string& codec_of(part_id from, part_id to, const deployment_options& options) {
    for (const edge_codec& each : options.codecs)
        if (each.from == from && each.to == to) return each.name;
    return options.codec;
}

/// The edges that end at one stage (or, `to` = no_id, at the sink), by origin, the source first.
[[nodiscard]] inline result<std::vector<stage_edge>>
edges_to(part_id to, const std::vector<tensor_id>& wanted,
         const std::map<tensor_id, std::pair<part_id, std::size_t>>& made, const model& whole,
         const deployment_options& options) {
    std::map<part_id, stage_edge> by_origin;  // the source, no_id + 1 = 0, first
    std::map<part_id, std::vector<tensor_id>> carried;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const auto found = made.find(wanted[i]);
        if (found == made.end())
            return fail(errc::unsupported, info(whole).tensors[wanted[i]].name, "no stage makes this tensor");
        const auto [from, position] = found->second;
        stage_edge& edge = by_origin[from + 1];
        edge.from = from;
        edge.to = to;
        edge.codec = codec_of(from, to, options);
        edge.depth = options.depth;
        edge.outputs.push_back(position);
        edge.inputs.push_back(i);
        carried[from + 1].push_back(wanted[i]);
    }
    if (by_origin.empty() && to != no_id)
        by_origin[0].to = to;  // reads nothing: the source still says when to start
    std::vector<stage_edge> edges;
    for (auto& [origin, edge] : by_origin) {
        edge.max_bytes = message_limit(whole, carried[origin]);
        edges.push_back(std::move(edge));
    }
    return edges;
}

/// A tensor that skips stages waits for those in between: its edge holds as many requests as they do.
inline void deepen(deployment& d) {
    const auto level = levels(d);
    const std::size_t end = level.empty() ? 0 : *std::max_element(level.begin(), level.end()) + 1;
    for (stage_edge& each : d.edges) {
        const std::size_t from = each.from == no_id ? 0 : level[each.from] + 1;
        const std::size_t to = each.to == no_id ? end : level[each.to];
        each.depth += 2 * (to - std::min(from, to));
    }
}

}  // namespace detail

/// Cuts a model into the stages of a partition, and derives the edges: one per pair of stages that share tensors, from
/// the source to each stage that reads model inputs, from each stage that makes model outputs to the sink.
/// \param whole so many copies of a model as the division has turns, inputs and outputs copy by copy
/// \param division its layers are positions in `topological_order(whole)`, its devices indices into `hosts`
/// \param hosts where each device's worker listens
/// \param encode what turns a stage into bytes
/// Errors: those of `topological_order`, `extract` and `encode`; invalid_argument (a part on no host, edges that go
/// backwards, a layer that does not exist); unsupported (a model output that no layer makes).
[[nodiscard]] inline result<deployment> make_deployment(const model& whole, const partition& division,
                                                        std::vector<worker_host> hosts,
                                                        const model_encoder& encode,
                                                        const deployment_options& options = {}) {
    DISPART_TRY(const auto order, topological_order(whole));
    const std::size_t turns = division.turns;
    const auto& [inputs, outputs] = std::tie(info(whole).inputs, info(whole).outputs);
    if (turns == 0 || inputs.size() % turns != 0 || outputs.size() % turns != 0)
        return fail(errc::invalid_argument, info(whole).name,
                    "its inputs and outputs are not those of " + std::to_string(turns) + " requests");
    deployment made{.hosts = std::move(hosts),
                    .inputs = inputs.size() / turns,
                    .outputs = outputs.size() / turns,
                    .turns = turns};
    std::vector<detail::stage_ports> ports;
    for (const part& each : division.parts) {
        std::vector<layer_id> layers;
        for (const layer_id position : each.layers) {
            if (position >= order.size())
                return fail(errc::invalid_argument, "layer " + std::to_string(position),
                            "the model has no such layer");
            layers.push_back(order[position]);
        }
        DISPART_TRY(const auto cut, extract(whole, layers));
        const auto& own = info(cut.graph);
        ports.push_back(
            {detail::original(own.inputs, cut.tensors), detail::original(own.outputs, cut.tensors)});
        DISPART_TRY(auto bytes_of_stage, encode(cut.graph));
        made.stages.push_back(
            {each.device, std::move(bytes_of_stage), own.inputs.size(), own.outputs.size(), each.turn});
    }
    const auto makers = detail::makers(whole, ports, turns);
    const auto add_edges = [&](part_id to, const std::vector<tensor_id>& wanted) -> result<void> {
        DISPART_TRY(auto edges, detail::edges_to(to, wanted, makers, whole, options));
        made.edges.insert(made.edges.end(), edges.begin(), edges.end());
        return {};
    };
    for (part_id to = 0; to < ports.size(); ++to) DISPART_CHECK(add_edges(to, ports[to].inputs));
    for (std::size_t t = 0; t < turns; ++t) {
        const auto first = outputs.begin() + static_cast<std::ptrdiff_t>(t * made.outputs);
        DISPART_CHECK(add_edges(no_id, {first, first + static_cast<std::ptrdiff_t>(made.outputs)}));
    }
    DISPART_CHECK(validate(made));
    detail::deepen(made);
    return made;
}

}  // namespace dispart
