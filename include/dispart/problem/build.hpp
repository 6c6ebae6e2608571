#pragma once
/// \file
/// Model + cluster + cost model -> instance: the one place where names and graphs become dense arrays.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dispart/cluster/graph.hpp"
#include "dispart/cluster/routes.hpp"
#include "dispart/cluster/validate.hpp"
#include "dispart/core/result.hpp"
#include "dispart/cost/concepts.hpp"
#include "dispart/model/graph.hpp"
#include "dispart/model/order.hpp"
#include "dispart/model/validate.hpp"
#include "dispart/model/work.hpp"
#include "dispart/problem/class_table.hpp"
#include "dispart/problem/constraints.hpp"
#include "dispart/problem/guarded.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/problem/placement.hpp"

namespace dispart {

/// Most devices of an instance: routes are kept for every ordered pair.
inline constexpr std::size_t max_instance_devices = 4096;

struct build_options {
    constraints rules{};
    queue_depth queues{};
    load_model load = load_model::overlapped;
    bytes route_reference{1e6};  ///< the message size for which routes are chosen and transfer costs made linear
};

/// An instance, and what its numbers stand for in the model and cluster that it was made of. Devices keep their ids.
struct built_instance {
    instance problem{};
    std::vector<layer_id> layer_vertex{};     ///< [layer of the instance] vertex of the layer graph
    std::vector<layer_id> layer_of_vertex{};  ///< [vertex] layer of the instance
    std::vector<tensor_id> graph_tensor{};    ///< [tensor of the instance] tensor of the layer graph
    std::vector<tensor_id> tensor_of_graph{};  ///< [tensor of the layer graph] tensor of the instance; no_id: a constant
    std::vector<device_id> device_order{};  ///< `constraints::order` as ids
};

namespace detail {

// --- tensors and layers

template <class Layer, class Tensor>
result<void> take_tensors(const layer_graph<Layer, Tensor>& g, built_instance& into) {
    const auto& tensors = info(g).tensors;
    into.tensor_of_graph.assign(tensors.size(), no_id);
    std::vector<bool> alive(tensors.size(), false);
    for (const tensor_id t : info(g).inputs) alive[t] = true;
    for (layer_id v = 0; v < num_vertices(g); ++v)
        for (const tensor_id t : g[v].outputs)
            if (t != no_id) alive[t] = true;
    for (tensor_id t = 0; t < tensors.size(); ++t) {
        if (!alive[t]) continue;
        if (!tensors[t].dims)
            return fail(errc::invalid_model, tensors[t].name, "the tensor's shape is unknown",
                        "infer shapes first");
        into.tensor_of_graph[t] = into.graph_tensor.size();
        into.graph_tensor.push_back(t);
        into.problem.tensor_bytes.push_back(tensors[t].size_bytes());
        into.problem.tensor_names.push_back(tensors[t].name);
    }
    for (const tensor_id t : info(g).inputs) into.problem.model_inputs.push_back(into.tensor_of_graph[t]);
    for (const tensor_id t : info(g).outputs)
        if (const tensor_id own = into.tensor_of_graph[t]; own != no_id)
            into.problem.model_outputs.push_back(own);
    return {};
}

/// The instance's tensors of a list of the graph's, without constants and doubles, ascending.
inline std::vector<std::size_t> own_tensors(const std::vector<tensor_id>& graph_tensors,
                                            const built_instance& b) {
    std::vector<std::size_t> own;
    for (const tensor_id t : graph_tensors)
        if (t != no_id && b.tensor_of_graph[t] != no_id) own.push_back(b.tensor_of_graph[t]);
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
    return own;
}

template <class Layer, class Tensor>
result<void> take_layers(const layer_graph<Layer, Tensor>& g, built_instance& into) {
    DISPART_TRY(into.layer_vertex, topological_order(g));
    instance& p = into.problem;
    into.layer_of_vertex.assign(num_vertices(g), no_id);
    p.producer.assign(p.tensor_count(), no_id);
    std::vector<std::vector<std::size_t>> consumers(p.tensor_count());
    for (layer_id l = 0; l < into.layer_vertex.size(); ++l) {
        const layer_id v = into.layer_vertex[l];
        into.layer_of_vertex[v] = l;
        p.layer_names.push_back(g[v].name);
        const auto reads = own_tensors(g[v].inputs, into), writes = own_tensors(g[v].outputs, into);
        p.reads.push_back(reads);
        p.writes.push_back(writes);
        for (const tensor_id t : reads) consumers[t].push_back(l);
        for (const tensor_id t : writes) p.producer[t] = l;
    }
    p.consumers = csr(consumers);
    return {};
}

// --- costs

template <class Layer, class Tensor, class Device, class Cost>
result<cost_cell> price(const layer_view<Layer, Tensor>& view, const Device& on, const Cost& cost) {
    const std::string offender = "layer " + view.layer.name + " on " + on.name;
    cost_cell cell{.allowed = true};
    DISPART_TRY(const double whole,
                guarded_amount(offender, "compute", [&] { return seconds(cost.compute(view, on)); }));
    if constexpr (requires { cost.overhead(view, on); }) {
        DISPART_TRY(const double fixed,
                    guarded_amount(offender, "overhead", [&] { return seconds(cost.overhead(view, on)); }));
        cell.fixed = std::min(fixed, whole);
    }
    cell.marginal = whole - cell.fixed;
    if constexpr (requires { cost.workspace(view, on); }) {
        DISPART_TRY(cell.workspace,
                    guarded_amount(offender, "workspace", [&] { return bytes(cost.workspace(view, on)); }));
    }
    return cell;
}

/// What tells layers apart that may cost different amounts; nothing where the cost model does not say.
template <class Layer, class Tensor, class Cost>
result<std::optional<std::string>> cost_key(const layer_view<Layer, Tensor>& view, const Cost& cost) {
    if constexpr (requires { cost.key(view); }) {
        DISPART_TRY(std::string key,
                    guarded("layer " + view.layer.name, "key", [&] { return std::string(cost.key(view)); }));
        return std::optional<std::string>(std::move(key));
    }
    return std::optional<std::string>();
}

template <class Layer, class Tensor, class Device, class Link, class Cost>
result<void> take_costs(const layer_graph<Layer, Tensor>& g, const resource_graph<Device, Link>& on,
                        const Cost& cost, const placement_filter<resource_graph<Device, Link>>& filter,
                        built_instance& into) {
    class_table table(num_vertices(on));
    std::vector<std::size_t> row_of_layer;
    std::map<std::string, std::size_t> row_of_key;
    std::vector<cost_cell> row(num_vertices(on));
    for (layer_id l = 0; l < into.layer_vertex.size(); ++l) {
        const viewed_layer<Layer, Tensor> viewed(g, into.layer_vertex[l]);
        const auto view = viewed.view();
        into.problem.weight_bytes.push_back(view.work.weights.value);
        DISPART_TRY(auto key, cost_key(view, cost));
        if (key) {
            *key += "\n" + view.layer.op + filter.rules_of(l);
            if (const auto known = row_of_key.find(*key); known != row_of_key.end()) {
                row_of_layer.push_back(known->second);
                continue;
            }
        }
        DISPART_TRY(const auto allowed, filter.allowed(l, view.layer));
        for (device_id d = 0; d < row.size(); ++d) {
            row[d] = {};
            if (!allowed[d]) continue;
            DISPART_TRY(row[d], price(view, on[d], cost));
        }
        row_of_layer.push_back(table.add(row));
        if (key) row_of_key.emplace(std::move(*key), row_of_layer.back());
    }
    table.apply(row_of_layer, into.problem);
    return {};
}

/// A link's cost made linear between an empty message and one of the reference size.
template <class Link, class Cost>
result<link_cost> price_link(const Link& l, const std::string& title, const Cost& cost, bytes reference) {
    if constexpr (requires { cost.transfer(reference, l); }) {
        const auto ask = [&](bytes size) {
            return guarded_amount(title, "transfer", [&] { return seconds(cost.transfer(size, l)); });
        };
        DISPART_TRY(const double empty, ask(bytes(0.0)));
        DISPART_TRY(const double full, ask(reference));
        return link_cost{l.latency + seconds(empty), std::max(0.0, full - empty) / reference.value};
    } else {
        return declared_cost(l);
    }
}

template <class Device, class Link, class Cost>
result<void> take_transfers(const resource_graph<Device, Link>& g, const Cost& cost, bytes reference,
                            instance& into) {
    std::optional<error> wrong;
    const auto priced = [&](const Link& l) {
        const auto price = price_link(l, "link " + l.name, cost, reference);
        if (!price && !wrong) wrong = price.error();
        return price ? *price : link_cost{};
    };
    route_table table = make_routes(g, {.reference = reference}, priced);
    if (wrong) return tl::unexpected<error>(*wrong);
    const std::size_t n = num_vertices(g);
    into.latency = xt::zeros<double>({n, n});
    into.seconds_per_byte = xt::zeros<double>({n, n});
    std::copy(table.latency.begin(), table.latency.end(), into.latency.begin());
    std::copy(table.seconds_per_byte.begin(), table.seconds_per_byte.end(), into.seconds_per_byte.begin());
    into.routes = std::move(table.links);
    into.link_seconds_per_byte = std::move(table.link_seconds_per_byte);
    for (auto [e, end] = edges(g); e != end; ++e) into.link_names.push_back(g[*e].name);
    return {};
}

template <class Device, class Link>
void take_devices(const resource_graph<Device, Link>& g, instance& into) {
    for (device_id d = 0; d < num_vertices(g); ++d) {
        into.device_names.push_back(g[d].name);
        into.memory_capacity.push_back(g[d].memory.value > 0.0 ? (g[d].memory - g[d].reserve).value
                                                               : std::numeric_limits<double>::infinity());
    }
    into.source = info(g).source;
    into.sink = info(g).sink;
}

}  // namespace detail

/// Evaluates the cost model once and returns the dense instance that every algorithm reads.
///
/// Layers are numbered in the model's topological order, tensors (activations only) in the order of their ids in the
/// model, devices and links as in the cluster. Layers that a cost model's `key` calls equal are asked once. A constant
/// that several layers share counts for each of them.
///
/// Errors: those of `validate` for the model and the cluster; invalid_model (a tensor of unknown shape); not_found (a
/// constraint about something that does not exist); infeasible (a layer that no device may run, with the reasons);
/// invalid_argument (a cost that is negative or not finite, naming the layer and device or the link); callback_failed (a
/// cost model that throws); limit_exceeded (more than `max_instance_devices`).
/// O(different layers * devices + devices * links * log devices + size of the model).
template <class Layer, class Tensor, class Device, class Link, class Cost>
    requires cost_model<Cost, Layer, Tensor, Device>
[[nodiscard]] result<built_instance> build_instance(const layer_graph<Layer, Tensor>& net,
                                                    const resource_graph<Device, Link>& on, const Cost& cost,
                                                    const build_options& options = {}) {
    if (!(options.route_reference.value > 0.0) || !std::isfinite(options.route_reference.value))
        return fail(errc::invalid_argument, "route_reference", "it must be positive and finite");
    DISPART_CHECK(validate(net));
    DISPART_CHECK(validate(on));
    if (num_vertices(on) > max_instance_devices)
        return fail(errc::limit_exceeded, info(on).name,
                    "more than " + std::to_string(max_instance_devices) + " devices");
    built_instance built;
    DISPART_CHECK(detail::take_tensors(net, built));
    DISPART_CHECK(detail::take_layers(net, built));
    DISPART_TRY(auto usable, detail::usable_devices(on, options.rules));
    DISPART_TRY(auto masks, detail::placement_masks(built.problem, on, options.rules));
    const detail::placement_filter<resource_graph<Device, Link>> filter(on, std::move(usable),
                                                                        std::move(masks));
    DISPART_TRY(const auto bound,
                detail::guarded(info(net).name, "for_model", [&] { return cost_for_model(cost, net); }));
    DISPART_CHECK(detail::take_costs(net, on, bound, filter, built));
    DISPART_CHECK(detail::take_transfers(on, bound, options.route_reference, built.problem));
    detail::take_devices(on, built.problem);
    DISPART_TRY(built.device_order, detail::ordered_devices(on, options.rules.order));
    DISPART_CHECK(detail::take_limits(on, options.rules, built.problem));
    built.problem.queues = options.queues;
    built.problem.load = options.load;
    return built;
}

}  // namespace dispart
