#include "dispart/paces.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "dispart/planning.hpp"
#include "dispart/run/report.hpp"
#include "dispart/simulate/simulate.hpp"

namespace cli {

using namespace dispart;

namespace {

double mean_compute(const stage_report& stage) {
    return stage.busy.value / static_cast<double>(std::max<std::size_t>(stage.requests, 1));
}

bool limited(const processor_share& given) { return given.of_core < 1.0; }

/// How long a stage keeps its worker from the next request's: while it computes, or, where the worker gets less than a
/// core, for as long as what its process used lasts at that rate.
double occupies(const stage_report& stage, const processor_share& given) {
    return limited(given) ? stage.used_by_process.value / given.of_core : mean_compute(stage);
}

/// Processor time that a request takes of all workers and the coordinator; the plan's times are at the given paces.
double processor_time_of(const dispart::plan& p, const std::vector<pace>& now, const handling_cost& cost) {
    double sum = 0.0;
    for (const auto& stage : p.stages)
        sum += stage.compute_s / now[stage.device].together * now[stage.device].processor_time;
    for (const message& m : p.tasks.messages)
        if (m.from_device != m.to_device) sum += 2.0 * (cost.per_message_s + cost.per_byte_s * m.bytes);
    return sum;
}

/// [task] Processor time that its messages take, where its worker gets less than a core.
std::vector<double> handling_of(const dispart::plan& p, const std::vector<pace>& now,
                                const handling_cost& cost) {
    std::vector<double> made(p.tasks.tasks.size(), 0.0);
    for (const message& m : p.tasks.messages) {
        if (m.from_device == m.to_device) continue;
        for (const part_id end : {m.from, m.to})
            if (end != no_id && limited(now[p.tasks.tasks[end].device].processor))
                made[end] += cost.per_message_s + cost.per_byte_s * m.bytes;
    }
    return made;
}

}  // namespace

result<void> pace_trials::divide(std::size_t order) {
    if (order == divisions_.size()) {
        DISPART_TRY(auto found,
                    plan_by_costs(net_, orders_[order].machines, costs_, {.algorithm = "proportional"}));
        divisions_.push_back({std::move(found.chosen), {}});
    }
    division& wanted = divisions_[order];
    if (wanted.workers) return {};
    DISPART_TRY(wanted.workers, deployed_plan::deploy(wanted.p, net_, orders_[order].machines, how_));
    return {};
}

result<void> pace_trials::run() {
    const std::size_t order = trials_ % orders_.size();
    DISPART_CHECK(divide(order));
    division& here = divisions_[order];
    execution_options how = how_;
    how.singles = 3;
    how.requests = static_cast<std::size_t>(std::clamp(2.0 / here.p.prediction.period_s, 12.0, 64.0));
    DISPART_TRY(last_run_, here.workers->run(how));
    if (!own_workers_) {
        DISPART_CHECK(here.workers->shut_down());
        here.workers.reset();
    }
    ++trials_;
    DISPART_TRY(auto seen, compare());
    records_.push_back(std::move(seen));
    note_handling();
    return {};
}

/// How much longer the last stream's period was than its stages' times explain.
result<double> pace_trials::unexplained() const {
    dispart::plan trial = last_plan();
    const run_report& measured = last_run_.stream;
    double slowest = 0.0;
    for (part_id s = 0; s < trial.stages.size(); ++s) {
        trial.tasks.tasks[s].seconds = occupies(measured.stages[s], share_of(s));
        slowest = std::max(slowest, trial.tasks.tasks[s].seconds);
    }
    DISPART_TRY(const auto explained, predict_stream(trial, measured.finished.size()));
    const double longer = measured.period.value / explained.period().value;
    // a stream that was quicker than a link was thought to be says nothing about stages
    return std::clamp(longer < 1.0 ? std::min(measured.period.value / slowest, 1.0) : longer, 0.8, 1.25);
}

double pace_trials::comparison::ratio(double least) const {
    return said_s > 0.0 ? std::clamp(measured_s / said_s, least, 5.0) : 0.0;
}

result<pace_trials::record> pace_trials::compare() const {
    const dispart::plan& p = last_plan();
    record made;
    made.together.resize(shares_.size());
    made.alone.resize(shares_.size());
    made.used.resize(shares_.size());
    for (part_id s = 0; s < p.stages.size(); ++s) {
        const std::size_t k = last_kinds()[p.stages[s].device];
        const auto& stage = last_run_.stream.stages[s];
        const double together =
            limited(shares_[k]) ? stage.used_by_thread.value / shares_[k].of_core : mean_compute(stage);
        made.together[k].add(together, p.stages[s].compute_s);
        made.alone[k].add(mean_compute(last_run_.alone.stages[s]), p.stages[s].compute_s);
        made.used[k].add(stage.used_by_thread.value, p.stages[s].compute_s);
    }
    DISPART_TRY(made.unexplained, unexplained());
    return made;
}

void pace_trials::note_handling() {
    const dispart::plan& p = last_plan();
    for (part_id s = 0; s < p.stages.size(); ++s) {
        if (shared_cores_ == 0 && !limited(share_of(s))) continue;
        const auto& stage = last_run_.stream.stages[s];
        handled seen{.used_s = stage.used_by_process.value - stage.used_by_thread.value};
        for (const message& m : p.tasks.messages) {
            if (m.from_device == m.to_device || (m.from != s && m.to != s)) continue;
            seen.messages += 1.0;
            seen.bytes += m.bytes;
        }
        handled_.push_back(seen);
    }
}

handling_cost pace_trials::handling() const {
    // least squares; where one of the two comes out negative, the other explains all
    double mm = 0.0, mb = 0.0, bb = 0.0, mu = 0.0, bu = 0.0;
    for (const handled& each : handled_) {
        mm += each.messages * each.messages;
        mb += each.messages * each.bytes;
        bb += each.bytes * each.bytes;
        mu += each.messages * each.used_s;
        bu += each.bytes * each.used_s;
    }
    const double determinant = mm * bb - mb * mb;
    if (handled_.empty() || bb <= 0.0) return {};
    if (determinant > 1e-6 * mm * bb) {
        const handling_cost both{(mu * bb - bu * mb) / determinant, (bu * mm - mu * mb) / determinant};
        if (both.per_message_s >= 0.0 && both.per_byte_s >= 0.0) return both;
        if (both.per_byte_s < 0.0) return {std::max(mu / mm, 0.0), 0.0};
    }
    return {0.0, std::max(bu / bb, 0.0)};
}

std::vector<pace> pace_trials::paces(std::size_t last) const {
    const std::size_t count = std::min(last, records_.size());
    const std::span<const record> recent(records_.end() - static_cast<std::ptrdiff_t>(count), records_.end());
    const auto& kinds = orders_.front().kind;
    std::vector<pace> all(kinds.size());
    for (device_id d = 0; d < kinds.size(); ++d) {
        const std::size_t k = kinds[d];
        std::vector<double> together, alone, used, unexplained;
        comparison sum;
        for (const record& each : recent) {
            if (each.together[k].said_s <= 0.0) continue;
            sum.add(each.together[k].measured_s, each.together[k].said_s);
            together.push_back(each.together[k].ratio() * each.unexplained);
            alone.push_back(each.alone[k].ratio());
            used.push_back(each.used[k].ratio(0.0));  // slowed workers sleep
            unexplained.push_back(each.unexplained);
        }
        all[d].processor = shares_[k];
        if (together.empty()) continue;
        // no stall counts as processor time: sums are better there, since some stages are nearly nothing
        all[d].together =
            limited(shares_[k]) ? sum.ratio() * median(std::move(unexplained)) : median(std::move(together));
        all[d].alone = median(std::move(alone));
        all[d].processor_time = median(std::move(used));
    }
    return all;
}

paced_costs at_paces(cluster machines, profile measured, bool exact, std::vector<pace> paces) {
    double least = 1.0;
    for (device_id d = 0; d < paces.size(); ++d)
        if (machines[d].computes) least = std::min(least, machines[d].slowdown * paces[d].together);
    for (device_id d = 0; d < paces.size(); ++d)
        if (machines[d].computes) machines[d].slowdown *= paces[d].together / least;
    for (auto& sample : measured.samples) sample.measured = sample.measured * least;
    return {std::move(machines), costs_of(measured, exact), std::move(paces)};
}

dispart::plan repaced(dispart::plan p, const std::vector<pace>& then, const std::vector<pace>& now,
                      const handling_cost& messages, std::size_t shared_cores) {
    const auto factor = [&](device_id d) { return now[d].together / then[d].together; };
    for (auto& task : p.tasks.tasks) task.seconds *= factor(task.device);
    for (auto& stage : p.stages) stage.compute_s *= factor(stage.device);
    const auto handling = handling_of(p, now, messages);
    for (task_id t = 0; t < handling.size(); ++t)
        if (handling[t] > 0.0)
            p.tasks.tasks[t].seconds += handling[t] / now[p.tasks.tasks[t].device].processor.of_core;
    if (shared_cores == 0) return p;
    const double needed = processor_time_of(p, now, messages) / static_cast<double>(shared_cores);
    std::vector<double> busy(p.devices.size(), 0.0);
    for (const auto& task : p.tasks.tasks) busy[task.device] += task.seconds;
    const double slowest = *std::max_element(busy.begin(), busy.end());
    if (slowest > 0.0 && slowest < needed) {
        const double longer = needed / slowest;
        for (auto& task : p.tasks.tasks) task.seconds *= longer;
        for (auto& stage : p.stages) stage.compute_s *= longer;
    }
    return p;
}

result<seconds> latency_alone(dispart::plan p, const std::vector<pace>& then, const std::vector<pace>& now,
                              const handling_cost& messages) {
    const auto handling = handling_of(p, now, messages);
    for (task_id t = 0; t < p.tasks.tasks.size(); ++t) {
        auto& task = p.tasks.tasks[t];
        const pace& here = now[task.device];
        if (limited(here.processor) && here.processor.period.value > 0.0) {
            const double used =
                task.seconds * here.together / then[task.device].together * here.processor.of_core;
            task.seconds = lasts(used + handling[t], here.processor) - handling[t];
        } else {
            task.seconds *= here.alone / then[task.device].together;
        }
    }
    DISPART_TRY(const auto played,
                dispart::simulate(network_instance(p), p.tasks, {.requests = p.tasks.turns, .window = 1}));
    std::vector<double> each;  // of the turns
    for (request_id r = 0; r < p.tasks.turns; ++r) each.push_back(played.finished[r] - played.admitted[r]);
    return seconds(median(std::move(each)));
}

}  // namespace cli
