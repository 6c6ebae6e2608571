// dispart simulate: a plan under a load, with faults.
#include <algorithm>
#include <array>
#include <cmath>
#include <iostream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dispart/commands.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/json/chrome_trace.hpp"
#include "dispart/io/json/cluster.hpp"
#include "dispart/io/json/load.hpp"
#include "dispart/io/json/plan.hpp"
#include "dispart/io/svg.hpp"
#include "dispart/io/svg_charts.hpp"
#include "dispart/plan/reasons.hpp"
#include "dispart/simulate/energy.hpp"
#include "dispart/simulate/load.hpp"
#include "dispart/simulate/simulate.hpp"
#include "dispart/simulate/statistics.hpp"

namespace cli {

using namespace dispart;

namespace {

std::vector<std::string> device_names(const dispart::plan& p) {
    std::vector<std::string> names;
    for (const auto& each : p.devices) names.push_back(each.name);
    return names;
}

result<simulation_options> options_of(const simulate_arguments& given, const dispart::plan& p) {
    simulation_options made{.requests = given.requests, .window = given.window};
    if (!given.load.empty()) {
        DISPART_TRY(const auto file, io::read_load(given.load));
        if (made.requests == 0) made.requests = file.requests.value_or(32);
        if (file.load.pattern != arrival_pattern::at_once) {
            DISPART_TRY(made.arrivals, make_arrivals(file.load, made.requests));
        }
        made.variation = file.variation;
        // A part of n layers, each varying on its own and taken as equally long.
        if (file.layer_spread > 0.0)
            for (const auto& stage : p.stages)
                made.variation.task_spread.push_back(
                    combined_spread(std::vector<double>(stage.layers.size(), 1.0), file.layer_spread));
    }
    if (!given.faults.empty()) {
        DISPART_TRY(made.faults, io::read_faults(given.faults, device_names(p), p.network.link_names));
    }
    if (made.requests == 0) made.requests = 32;
    return made;
}

/// Seconds from each request's arrival to its result, of those that have one.
std::vector<double> latencies(const simulation& outcome, const simulation_options& options) {
    std::vector<double> made;
    for (request_id r = 0; r < outcome.completed; ++r)
        made.push_back(outcome.finished[r] -
                       (options.arrivals.empty() ? outcome.admitted[r] : options.arrivals[r]));
    return made;
}

result<bill> bill_of(const std::string& path, const dispart::plan& p, const simulation& outcome) {
    DISPART_TRY(const auto machines, io::read_cluster(path));
    if (num_vertices(machines) != p.devices.size())
        return fail(errc::invalid_argument, path, "it is not the cluster that the plan was made for");
    cost_rates rates;
    for (device_id d = 0; d < p.devices.size(); ++d) {
        if (machines[d].name != p.devices[d].name)
            return fail(errc::invalid_argument, path, "it is not the cluster that the plan was made for");
        rates.busy_watts.push_back(machines[d].busy_power.value);
        rates.idle_watts.push_back(machines[d].idle_power.value);
        rates.price_per_hour.push_back(machines[d].price_per_hour.value);
    }
    for (auto [e, end] = edges(machines); e != end; ++e) {
        rates.joules_per_byte.push_back(machines[*e].energy_per_byte.value);
        rates.price_per_byte.push_back(machines[*e].price_per_byte.value);
    }
    return make_bill(
        rates, {outcome.makespan().value, outcome.device_busy, outcome.device_alive, outcome.link_bytes});
}

ordered_json to_json(const simulation& outcome, const simulation_options& options, const dispart::plan& p,
                     const distribution& latency) {
    const double span = outcome.makespan().value;
    const auto share = [&](double part) { return span > 0.0 ? part / span : 0.0; };
    ordered_json document{
        {"requests", options.requests}, {"completed", outcome.completed}, {"makespan_s", span}};
    if (outcome.completed > 0) {
        document["first_latency_s"] = outcome.first_latency().value;
        document["period_s"] = outcome.period().value;
        document["latency_s"] = {{"mean", latency.mean}, {"p50", latency.p50},   {"p90", latency.p90},
                                 {"p99", latency.p99},   {"p999", latency.p999}, {"max", latency.most}};
    }
    document["in_flight"] = share(outcome.in_flight_area);
    for (device_id d = 0; d < p.devices.size(); ++d) {
        const auto& name = p.devices[d].name;
        document["utilisation"][name] = share(outcome.device_busy[d]);
        document["queue"][name] = {{"mean", share(outcome.queue_area[d])}, {"max", outcome.longest_queue[d]}};
    }
    for (link_id l = 0; l < outcome.link_busy.size(); ++l)
        if (outcome.link_bytes[l] > 0.0)
            document["links"].push_back(
                {{"name", l < p.network.link_names.size() ? p.network.link_names[l] : ""},
                 {"utilisation", share(outcome.link_busy[l])},
                 {"bytes", outcome.link_bytes[l]}});
    return document;
}

void add_bill(ordered_json& document, const bill& costs, const dispart::plan& p) {
    document["energy_j"] = costs.joules;
    document["price"] = costs.price;
    for (device_id d = 0; d < p.devices.size(); ++d)
        document["devices_cost"][p.devices[d].name] = {{"energy_j", costs.device_joules[d]},
                                                       {"price", costs.device_price[d]}};
}

result<void> draw(const simulate_arguments& given, const simulation& outcome,
                  const std::vector<double>& taken) {
    if (!given.svg.empty()) {
        const std::array panels{io::gantt_panel{"predicted", &outcome.trace}};
        DISPART_CHECK(io::write_text(given.svg + "-gantt.svg", io::gantt_svg(panels)));
        DISPART_CHECK(io::write_text(given.svg + "-utilisation.svg",
                                     io::utilisation_svg(outcome.trace, {.title = "utilisation"})));
        DISPART_CHECK(
            io::write_text(given.svg + "-latency.svg", io::latency_svg(taken, {.title = "latency"})));
    }
    if (!given.trace.empty()) {
        const std::array processes{io::trace_process{"predicted", &outcome.trace}};
        DISPART_CHECK(io::write_text(given.trace, io::chrome_trace(processes)));
    }
    return {};
}

void print(const ordered_json& document, const simulation& outcome, const distribution& latency) {
    if (outcome.completed < document["requests"].get<std::size_t>())
        std::cout << "only " << outcome.completed << " of ";
    std::cout << document["requests"].get<std::size_t>() << " requests in "
              << time_text(outcome.makespan().value);
    if (outcome.completed > 0)
        std::cout << ", the first after " << time_text(outcome.first_latency().value) << ", then one every "
                  << time_text(outcome.period().value) << "\nlatency: median " << time_text(latency.p50)
                  << ", 90 % " << time_text(latency.p90) << ", 99 % " << time_text(latency.p99);
    std::cout << "\nbusy, and messages that wait (mean, most):\n";
    for (const auto& [device, share] : document["utilisation"].items()) {
        const auto& queue = document["queue"][device];
        std::cout << "  " << device << ' ' << std::lround(share.get<double>() * 100.0) << " %, "
                  << std::round(queue["mean"].get<double>() * 100.0) / 100.0 << ", "
                  << queue["max"].get<std::size_t>() << '\n';
    }
    if (document.contains("energy_j"))
        std::cout << "energy " << document["energy_j"].get<double>() << " J, price "
                  << document["price"].get<double>() << '\n';
}

}  // namespace

result<int> simulate(const simulate_arguments& given, bool as_json) {
    DISPART_TRY(const auto read, io::read_plan(given.plan));
    DISPART_TRY(const auto options, options_of(given, read));
    const instance network = network_instance(read);
    DISPART_TRY(const auto outcome, dispart::simulate(network, read.tasks, options));
    const auto taken = latencies(outcome, options);
    const auto latency = summarise(taken);
    auto document = to_json(outcome, options, read, latency);
    if (!given.cluster.empty()) {
        DISPART_TRY(const auto costs, bill_of(given.cluster, read, outcome));
        add_bill(document, costs, read);
    }
    DISPART_CHECK(draw(given, outcome, taken));
    if (as_json) print_json(document);
    else print(document, outcome, latency);
    return 0;
}

}  // namespace cli
