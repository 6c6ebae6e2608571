#include "dispart/trial.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>
#include <vector>

#include "dispart/adapt/correct.hpp"
#include "dispart/adapt/drift.hpp"
#include "dispart/observe/telemetry.hpp"
#include "dispart/planning.hpp"

namespace cli {

using namespace dispart;

namespace {

constexpr int most_corrections = 3;
constexpr int most_orders = 3;
constexpr double close_enough = 0.05;  // of a factor to 1

/// Devices as fast as this machine, slowed down as their stated speeds say; the fastest not at all.
void guess(cluster& machines, flops_per_second here) {
    double fastest = 0.0;
    for (device_id d = 0; d < num_vertices(machines); ++d)
        if (machines[d].computes) fastest = std::max(fastest, machines[d].speed.value / machines[d].slowdown);
    for (device_id d = 0; d < num_vertices(machines); ++d) {
        device& each = machines[d];
        if (!each.computes) continue;
        const double stated = each.speed.value / each.slowdown;
        each.slowdown = stated > 0.0 ? fastest / stated : 1.0;
        each.speed = here;
    }
}

/// [device] What its worker gets, one after the other.
result<std::vector<processor_share>> shares_of(const cluster& machines, const execution_options& how) {
    std::vector<processor_share> shares(num_vertices(machines));
    for (device_id d = 0; d < shares.size(); ++d) {
        if (!machines[d].computes || machines[d].address.empty()) continue;
        DISPART_TRY(shares[d], probe_share(how.carrier, machines[d].address));
    }
    return shares;
}

/// The cluster with the device `origin[d]` at each place d.
cluster rearranged(const cluster& of, const std::vector<std::size_t>& origin) {
    std::vector<device_id> place(origin.size());
    cluster made(origin.size());
    for (device_id d = 0; d < origin.size(); ++d) {
        place[origin[d]] = d;
        made[d] = of[origin[d]];
    }
    const auto moved = [&](device_id d) { return d == no_id ? no_id : place[d]; };
    info(made) = {info(of).name, moved(info(of).source), moved(info(of).sink)};
    for (auto [e, end] = edges(of); e != end; ++e)
        add_edge(place[source(*e, of)], place[target(*e, of)], of[*e], made);
    return made;
}

/// The cluster with another computing device first each time; no more often than is worth the while.
std::vector<worker_order> orders_of(const cluster& machines) {
    std::vector<std::size_t> origin(num_vertices(machines)), computing;
    std::iota(origin.begin(), origin.end(), std::size_t{0});
    for (const std::size_t d : origin)
        if (machines[d].computes) computing.push_back(d);
    std::vector<worker_order> orders;
    const std::size_t count = std::min<std::size_t>(computing.size(), most_orders);
    for (std::size_t k = 0; k < count; ++k) {
        const std::size_t first = k * computing.size() / count;
        for (std::size_t i = 0; i < computing.size(); ++i)
            origin[computing[i]] = computing[(first + i) % computing.size()];
        orders.push_back({rearranged(machines, origin), origin});
    }
    return orders;
}

/// Links as the quickest of their messages met them: those that waited for nobody, on connections that were warm.
result<cluster> correct_links(const cluster& machines, const pace_trials& trials) {
    const std::size_t quickest = 3;
    DISPART_TRY(const auto predicted, predict_stream(trials.last_plan(), 1));
    const auto own = [&](device_id d) { return d == no_id ? info(machines).source : trials.last_kinds()[d]; };
    telemetry believed, measured;
    std::map<telemetry::way, std::vector<event>> messages;
    const auto each_transfer = [&](const timeline& seen, auto take) {
        for (event each : seen.events) {
            if (each.what != activity::transfer) continue;
            each.device = own(each.device);  // the coordinator, which the runtime has no id for, is the source
            each.peer = own(each.peer);
            take(each);
        }
    };
    each_transfer(predicted.trace, [&](const event& each) { believed.observe(each); });
    for (const run_report* report : {&trials.last_run().alone, &trials.last_run().stream})
        each_transfer(report->events, [&](const event& each) {
            messages[{each.device, each.peer}].push_back(each);
        });
    for (auto& [way, list] : messages) {
        const auto took = [](const event& each) { return (each.end - each.begin).value; };
        std::sort(list.begin(), list.end(), [&](const event& a, const event& b) { return took(a) < took(b); });
        list.resize(std::min(list.size(), quickest));
        for (const event& each : list) measured.observe(each);
    }
    return corrected(machines, compare(believed, measured));
}

}  // namespace

result<calibrated_setting> try_workers(const model& net, cluster machines, const std::string& backend,
                                       const execution_options& how) {
    DISPART_TRY(const auto measured, measure({net}, backend));
    guess(machines, measured.speed);
    const std::size_t n = num_vertices(machines);
    std::vector<pace> known(n);  // relative to the guess
    DISPART_TRY(const auto shares, shares_of(machines, how));
    for (int attempt = 0;; ++attempt) {
        auto planned = at_paces(machines, measured, true, known);
        pace_trials trials(net, orders_of(planned.machines), planned.costs, how, shares, false, 0);
        for (int again = 0; again < most_orders; ++again) DISPART_CHECK(trials.run());
        const auto seen = trials.paces(most_orders);
        const bool right = std::all_of(seen.begin(), seen.end(), [](const pace& p) {
            return std::abs(p.together - 1.0) < close_enough;
        });
        if (right || attempt == most_corrections) {
            planned.paces.assign(n, {});
            for (device_id d = 0; d < n; ++d) planned.paces[d].processor = shares[d];
            return calibrated_setting{
                {}, std::move(planned), std::move(trials), info(net).name + " on its workers"};
        }
        for (device_id d = 0; d < n; ++d) known[d].together *= seen[d].together;
        DISPART_TRY(machines, correct_links(machines, trials));
    }
}

}  // namespace cli
