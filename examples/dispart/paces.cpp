#include "dispart/paces.hpp"

#include <algorithm>
#include <span>
#include <utility>

#include "dispart/planning.hpp"
#include "dispart/run/report.hpp"

namespace cli {

using namespace dispart;

namespace {

/// Seconds of stages as measured, and as their costs say.
struct comparison {
    double measured = 0.0;
    double said = 0.0;

    void add(const stage_report& stage, double costs) {
        measured += mean_compute(stage);
        said += costs;
    }
    [[nodiscard]] double ratio() const { return said > 0.0 ? std::clamp(measured / said, 0.2, 5.0) : 0.0; }

    static double mean_compute(const stage_report& stage) {
        return stage.busy.value / static_cast<double>(std::max<std::size_t>(stage.requests, 1));
    }
};

/// How much longer a stream's period was than its stages' times explain.
result<double> unexplained(dispart::plan trial, const run_report& measured) {
    for (part_id s = 0; s < trial.stages.size(); ++s)
        trial.tasks.tasks[s].seconds = comparison::mean_compute(measured.stages[s]);
    DISPART_TRY(const auto explained, predict_stream(trial, measured.finished.size()));
    return std::clamp(measured.period.value / explained.period().value, 0.8, 1.25);
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
    return {};
}

result<pace_trials::record> pace_trials::compare() const {
    const dispart::plan& p = last_plan();
    const auto& kind = orders_[(trials_ - 1) % orders_.size()].kind;
    const std::size_t kinds = 1 + *std::max_element(kind.begin(), kind.end());
    std::vector<comparison> together(kinds), alone(kinds);
    for (part_id s = 0; s < p.stages.size(); ++s) {
        const std::size_t k = kind[p.stages[s].device];
        together[k].add(last_run_.stream.stages[s], p.stages[s].compute_s);
        alone[k].add(last_run_.alone.stages[s], p.stages[s].compute_s);
    }
    record made;
    for (std::size_t k = 0; k < kinds; ++k) made.kinds.push_back({together[k].ratio(), alone[k].ratio()});
    DISPART_TRY(made.unexplained, unexplained(p, last_run_.stream));
    return made;
}

std::vector<pace> pace_trials::paces(std::size_t last) const {
    const std::size_t count = std::min(last, records_.size());
    const std::span<const record> recent(records_.end() - static_cast<std::ptrdiff_t>(count), records_.end());
    const auto& kinds = orders_.front().kind;
    std::vector<pace> all(kinds.size());
    for (device_id d = 0; d < kinds.size(); ++d) {
        std::vector<double> together, alone;
        for (const record& each : recent)
            if (const pace& seen = each.kinds[kinds[d]]; seen.together > 0.0) {
                together.push_back(seen.together * each.unexplained);
                alone.push_back(seen.alone);
            }
        if (!together.empty()) all[d] = {median(std::move(together)), median(std::move(alone))};
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

dispart::plan repaced(dispart::plan p, const std::vector<pace>& then, const std::vector<pace>& now) {
    const auto factor = [&](device_id d) { return now[d].together / then[d].together; };
    for (auto& task : p.tasks.tasks) task.seconds *= factor(task.device);
    for (auto& stage : p.stages) stage.compute_s *= factor(stage.device);
    return p;
}

result<seconds> latency_alone(dispart::plan p, const std::vector<pace>& then, const std::vector<pace>& now) {
    for (auto& task : p.tasks.tasks) task.seconds *= now[task.device].alone / then[task.device].together;
    DISPART_TRY(const auto played, predict_stream(p, 1));
    return played.first_latency();
}

}  // namespace cli
