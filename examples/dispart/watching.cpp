#include "dispart/watching.hpp"

#include <algorithm>
#include <utility>

#include "dispart/adapt/correct.hpp"
#include "dispart/execution.hpp"
#include "dispart/planning.hpp"
#include "dispart/simulate/simulate.hpp"

namespace cli {

using namespace dispart;

namespace {

constexpr std::size_t simulated_requests = 64;

/// The period of a plan on machines that differ from those that it was made for.
double period_under(const dispart::plan& p, const drift_factors& by) {
    auto tasks = p.tasks;
    for (task& each : tasks.tasks)
        if (const auto found = by.device.find(each.device); found != by.device.end())
            each.seconds *= found->second;
    const auto played =
        dispart::simulate(corrected(network_instance(p), by), tasks,
                          {.requests = simulated_requests, .window = window_of(p), .trace = false});
    return played && played->completed > 0 ? played->period().value : std::numeric_limits<double>::infinity();
}

std::string drift_text(const drift_factors& by, const cluster& machines) {
    std::string text;
    const auto add = [&](const std::string& what, double factor) {
        text += (text.empty() ? "" : ", ") + what + " takes " + std::to_string(factor).substr(0, 5) +
                " times as long";
    };
    for (const auto& [d, factor] : by.device) add(machines[d].name, factor);
    for (const auto& [way, factor] : by.between)
        add(machines[way.first].name + " to " + machines[way.second].name, factor);
    return text;
}

}  // namespace

void watcher::running(dispart::plan p, cluster where, double now_s) {
    plan_ = std::move(p);
    where_ = std::move(where);
    believed_ = telemetry();
    predicted_ = measured_ = {};
    if (auto predicted = predict_stream(*plan_, simulated_requests)) predicted_ = std::move(predicted->trace);
    believed_.observe(predicted_);
    all_ = probe_ = telemetry();
    detector_.forget();
    probe_began_s_ = changed_s_ = now_s;
}

std::optional<std::string> watcher::observe(const timeline& seen, double now_s) {
    const device_id source = info(machines_).source;
    measured_.devices = predicted_.devices;
    for (event each : seen.events) {
        if (each.device == no_id) each.device = source;  // the coordinator
        if (each.what == activity::transfer && each.peer == no_id) each.peer = info(machines_).sink;
        if (each.device == no_id || (each.what == activity::transfer && each.peer == no_id)) continue;
        all_.observe(each);
        probe_.observe(each);
        if (measured_.events.size() < most_events) measured_.events.push_back(each);
    }
    if (!plan_ || now_s - probe_began_s_ < probe_s) return std::nullopt;
    probe_began_s_ = now_s;
    auto reason = judge(now_s);
    probe_ = telemetry();
    return reason;
}

std::optional<std::string> watcher::judge(double now_s) {
    const auto drifted = detector_.probe(compare(believed_, probe_));
    if (!drifted) return std::nullopt;
    const auto candidate = planner_(corrected(where_, *drifted));
    if (!candidate) return std::nullopt;
    const auto verdict = decide({.period_now_s = period_under(*plan_, *drifted),
                                 .period_new_s = candidate->chosen.prediction.period_s,
                                 .migration_s = 2.0,
                                 .since_change_s = now_s - changed_s_});
    if (!verdict.change) return std::nullopt;
    machines_ = corrected(machines_, *drifted);
    return drift_text(*drifted, machines_) + "; " + verdict.reason;
}

std::vector<io::metric_family> watcher::metrics() const {
    io::metric_family compute{"dispart_compute_seconds", "computing of a request, EWMA", "gauge", {}};
    io::metric_family unsure{"dispart_compute_seconds_half_width", "half of its 95 % interval", "gauge", {}};
    io::metric_family wait{
        "dispart_wait_seconds_total", "waiting for inputs and room in queues", "counter", {}};
    io::metric_family rate{
        "dispart_edge_seconds_per_byte", "from sending a message to having it, EWMA", "gauge", {}};
    io::metric_family carried{"dispart_edge_bytes_total", "payloads carried", "counter", {}};
    const auto place = [&](const telemetry::place& at) {
        return std::vector<std::pair<std::string, std::string>>{{"device", machines_[at.first].name},
                                                                {"stage", std::to_string(at.second)}};
    };
    for (const auto& [at, series] : all_.compute()) {
        compute.samples.push_back({place(at), series.value.mean()});
        unsure.samples.push_back({place(at), series.value.half_width()});
    }
    for (const auto& [at, series] : all_.wait()) wait.samples.push_back({place(at), series.total});
    const auto way = [&](const telemetry::way& on) {
        return std::vector<std::pair<std::string, std::string>>{{"from", machines_[on.first].name},
                                                                {"to", machines_[on.second].name}};
    };
    for (const auto& [on, series] : all_.seconds_per_byte())
        rate.samples.push_back({way(on), series.value.mean()});
    for (const auto& [on, series] : all_.message())
        carried.samples.push_back({way(on), all_.bytes_between(on.first, on.second)});
    return {compute, unsure, wait, rate, carried};
}

}  // namespace cli
