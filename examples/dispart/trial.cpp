#include "dispart/trial.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "dispart/adapt/correct.hpp"
#include "dispart/adapt/drift.hpp"
#include "dispart/observe/telemetry.hpp"
#include "dispart/planning.hpp"

namespace cli {

using namespace dispart;

namespace {

constexpr int most_trials = 3;
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

/// [device] how much longer the stages there took, on average, than was predicted; 0 where none was.
std::vector<double> factors_of(const dispart::plan& trial, const run_report& measured, std::size_t devices) {
    std::vector<double> took(devices, 0.0), said(devices, 0.0);
    for (part_id s = 0; s < trial.stages.size(); ++s) {
        const auto& stage = measured.stages[s];
        took[trial.stages[s].device] +=
            stage.busy.value / static_cast<double>(std::max<std::size_t>(stage.requests, 1));
        said[trial.stages[s].device] += trial.stages[s].compute_s;
    }
    for (std::size_t d = 0; d < devices; ++d) took[d] = said[d] > 0.0 ? took[d] / said[d] : 0.0;
    return took;
}

/// Multiplies the devices' times; a slowdown is never below 1, so that all times may become smaller instead.
void slow_down(local_setting& where, profile& measured, const std::vector<double>& factors) {
    double least = std::numeric_limits<double>::infinity();
    for (device_id d = 0; d < factors.size(); ++d) {
        if (factors[d] > 0.0) where.machines[d].slowdown *= factors[d];
        if (where.machines[d].computes) least = std::min(least, where.machines[d].slowdown);
    }
    for (device_id d = 0; d < factors.size(); ++d)
        if (where.machines[d].computes) where.machines[d].slowdown /= least;
    for (auto& sample : measured.samples) sample.measured = sample.measured * least;
    where.costs = costs_of(measured, true);
}

/// Runs a trial a few times and keeps the quickest: what else a machine does only ever makes it slower.
result<measured_run> quickest_run(const dispart::plan& trial, const model& net, const cluster& machines,
                                  execution_options how) {
    how.requests = static_cast<std::size_t>(std::clamp(1.5 / trial.prediction.period_s, 16.0, 64.0));
    DISPART_TRY(auto best, execute(trial, net, machines, how));
    for (int more = 0; more < 2; ++more) {
        DISPART_TRY(auto again, execute(trial, net, machines, how));
        if (again.stream.period < best.stream.period) best.stream = std::move(again.stream);
        if (again.alone.latency < best.alone.latency) best.alone = std::move(again.alone);
    }
    return best;
}

/// Links as single requests met them, whose messages wait for nobody.
result<void> correct_links(local_setting& where, const dispart::plan& trial, timeline seen) {
    const std::size_t singles = 5;
    DISPART_TRY(const auto predicted, predict_stream(trial, singles));
    telemetry believed, measured;
    believed.observe(predicted.trace);
    for (event& each : seen.events) {  // the coordinator has no id of its own
        if (each.device == no_id) each.device = info(where.machines).source;
        if (each.peer == no_id) each.peer = info(where.machines).sink;
        if (each.what == activity::transfer) measured.observe(each);
    }
    where.machines = corrected(where.machines, compare(believed, measured));
    return {};
}

/// One trial. \return whether the costs were right, but for the correction that it made
result<bool> correct(local_setting& where, const model& net, profile& measured, const execution_options& how) {
    DISPART_TRY(const auto found,
                plan_by_costs(net, where.machines, where.costs, {.algorithm = "proportional"}));
    const dispart::plan& trial = found.chosen;
    DISPART_TRY(const auto ran, quickest_run(trial, net, where.machines, how));
    DISPART_TRY(const double more, unexplained(trial, ran.stream));
    const std::size_t n = num_vertices(where.machines);
    auto factors = factors_of(trial, ran.stream, n);
    const auto single = factors_of(trial, ran.alone, n);
    bool right = true;
    for (device_id d = 0; d < n; ++d) {
        if (factors[d] <= 0.0) continue;
        factors[d] *= more;
        where.alone[d] = std::clamp(single[d] / factors[d], 0.3, 1.1);
        right = right && std::abs(factors[d] - 1.0) < close_enough;
    }
    slow_down(where, measured, factors);
    DISPART_CHECK(correct_links(where, trial, ran.alone.events));
    return right;
}

}  // namespace

result<local_setting> try_workers(const model& net, cluster machines, const std::string& backend,
                                  const execution_options& how) {
    local_setting made;
    made.calibrated_on = info(net).name + " on its workers";
    DISPART_TRY(auto measured, measure({net}, 1, 5, backend));
    guess(machines, measured.speed);
    made.machines = std::move(machines);
    made.alone.assign(num_vertices(made.machines), 1.0);
    made.costs = costs_of(measured, true);
    for (int trial = 0; trial < most_trials; ++trial) {
        DISPART_TRY(const bool right, correct(made, net, measured, how));
        if (right) break;
    }
    return made;
}

}  // namespace cli
