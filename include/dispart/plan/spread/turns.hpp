#pragma once
/// \file
/// Replicas that take requests in turn: copies of a model, each on a device or a pipeline of its own.

#include <algorithm>
#include <cstddef>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "dispart/core/contracts.hpp"
#include "dispart/model/uses.hpp"
#include "dispart/plan/spread/spread_model.hpp"

namespace dispart {

/// So many copies of a model as one: inputs, outputs and layers follow copy by copy, so that layer v of copy c is vertex
/// c * layers + v. Copies share the constants. O(model · copies).
[[nodiscard]] inline model copies_of(const model& net, std::size_t copies) {
    model made = net;
    auto& all = info(made);
    const std::size_t tensors = all.tensors.size(), layers = num_vertices(net);
    std::string mark = "@";
    const auto has_mark = [&](const auto& named) { return named.name.find(mark) != std::string::npos; };
    const auto [first, last] = vertices(net);
    while (std::any_of(all.tensors.begin(), all.tensors.end(), has_mark) ||
           std::any_of(first, last, [&](layer_id v) { return has_mark(net[v]); }))
        mark += '@';
    for (std::size_t c = 1; c < copies; ++c) {
        const std::string end = mark + std::to_string(c);
        std::vector<tensor_id> copy(tensors);
        for (tensor_id t = 0; t < tensors; ++t) {
            copy[t] = all.tensors[t].constant ? t : all.tensors.size();
            if (all.tensors[t].constant) continue;
            tensor_info own = all.tensors[t];
            own.name += end;
            all.tensors.push_back(std::move(own));
        }
        for (layer_id v = 0; v < layers; ++v) {
            layer self = net[v];
            self.name += end;
            for (auto* list : {&self.inputs, &self.outputs})
                for (tensor_id& t : *list) t = t == no_id ? no_id : copy[t];
            add_vertex(std::move(self), made);
        }
        for (const tensor_id t : info(net).inputs) all.inputs.push_back(copy[t]);
        for (const tensor_id t : info(net).outputs) all.outputs.push_back(copy[t]);
    }
    connect(made);
    return made;
}

/// Copies that take requests in turn, the first copy the first request: a group for each copy and part.
/// \param copies see `copies_of` \param part_of [layer of `copies`] parts may reach over several copies
/// \param device [part] Precondition: so many copies. O(layers log groups).
[[nodiscard]] inline spread_model spread_turns(model copies, std::size_t turns,
                                               const std::vector<std::size_t>& part_of,
                                               const std::vector<device_id>& device) {
    DISPART_EXPECTS(turns > 0 && part_of.size() == num_vertices(copies) && part_of.size() % turns == 0);
    const std::size_t layers = part_of.size() / turns;
    std::map<std::pair<std::size_t, std::size_t>, std::size_t> group;  // of a copy and part
    for (layer_id v = 0; v < part_of.size(); ++v) group[{v / layers, part_of[v]}] = 0;
    spread_model made{.graph = std::move(copies), .turns = turns};
    for (auto& [of, number] : group) {
        number = made.device.size();
        made.device.push_back(device[of.second]);
        made.turn.push_back(of.first);
    }
    for (layer_id v = 0; v < part_of.size(); ++v) made.group.push_back(group[{v / layers, part_of[v]}]);
    return made;
}

/// One copy of the whole model for each entry, on that device; a device may have several turns.
/// Precondition: not empty. O(model · turns).
[[nodiscard]] inline spread_model spread_turns(const model& net, const std::vector<device_id>& turns) {
    std::vector<std::size_t> part_of;
    for (std::size_t c = 0; c < turns.size(); ++c) part_of.resize(part_of.size() + num_vertices(net), c);
    return spread_turns(copies_of(net, turns.size()), turns.size(), part_of, turns);
}

/// Who takes each turn, so that the busiest has the least to do: the next turn goes to who would be done with it first.
/// \param request_s seconds of a request, each positive \param most turns \return positions in `request_s`
/// Exact: no order of so many turns has a smaller period. O(most · devices).
[[nodiscard]] inline std::vector<std::size_t> turns_by_speed(const std::vector<double>& request_s,
                                                             std::size_t most) {
    std::vector<double> busy(request_s.size(), 0.0);
    std::vector<std::size_t> order, best;
    double longest = 0.0, least = std::numeric_limits<double>::infinity();
    while (order.size() < most) {
        std::size_t next = 0;
        for (std::size_t i = 1; i < busy.size(); ++i)
            if (busy[i] + request_s[i] < busy[next] + request_s[next]) next = i;
        order.push_back(next);
        busy[next] += request_s[next];
        longest = std::max(longest, busy[next]);
        const double period = longest / static_cast<double>(order.size());
        if (period < least * 0.999) least = period, best = order;
    }
    return best;
}

}  // namespace dispart
