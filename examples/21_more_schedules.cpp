// Scheduling beyond one graph on free links: exclusive links, duplicated tasks, several models with deadlines and
// priorities, and a pipeline with several requests in flight.
#include <iostream>
#include <string>
#include <vector>

#include "dispart/schedule/contention.hpp"
#include "dispart/schedule/duplication.hpp"
#include "dispart/schedule/heft.hpp"
#include "dispart/schedule/jobs.hpp"
#include "dispart/schedule/periodic.hpp"
#include "dispart/schedule/validate.hpp"

namespace {

using namespace dispart;

/// A stem that four branches read, and a head that reads them; on a fast board and two slower ones. Seconds, megabytes.
schedule_problem branches(double scale) {
    schedule_tables tables;
    tables.tasks = 6;
    tables.devices = 3;
    for (const double work : {2.0, 4.0, 5.0, 6.0, 7.0, 2.0})
        for (const double speed : {2.0, 1.0, 1.0}) tables.seconds.push_back(scale * work / speed);
    for (task_id branch = 1; branch <= 4; ++branch) {
        tables.dependencies.push_back({0, branch, 3.0});
        tables.dependencies.push_back({branch, 5, 1.0});
    }
    tables.latency.assign(9, 0.01);
    tables.seconds_per_byte.assign(9, 0.5);
    tables.task_names = {"stem", "a", "b", "c", "d", "head"};
    tables.device_names = {"fast", "left", "right"};
    return schedule_problem::make(std::move(tables)).value();
}

/// All boards hang on one bus, which carries one message at a time.
link_table one_bus(std::size_t devices) {
    link_table bus{.links = 1};
    for (device_id from = 0; from < devices; ++from)
        for (device_id to = 0; to < devices; ++to)
            bus.routes.push_back(from == to ? std::vector<std::size_t>{} : std::vector<std::size_t>{0});
    return bus;
}

void print_jobs(const job_set& set, const job_outcome& outcome) {
    for (std::size_t j = 0; j < set.jobs.size(); ++j)
        std::cout << "  model " << j << ": done at " << outcome.finish[j] << " s, deadline "
                  << set.jobs[j].deadline << (outcome.tardiness[j] > 0.0 ? " (late)" : "") << '\n';
}

}  // namespace

int main() {
    const auto problem = branches(1.0);
    const auto free_links = heft{}(problem).value();
    const auto bus = one_bus(problem.device_count());
    const auto on_bus = schedule_with_contention(problem, bus).value();
    const auto copied = schedule_with_duplication(problem).value();
    std::cout << "links that occupy nothing: " << free_links.makespan() << " s\n"
              << "one bus: " << on_bus.makespan() << " s\n"
              << "the stem may run several times: " << copied.makespan() << " s, " << copied.copies[0].size()
              << " times\n";

    const std::vector<schedule_problem> models{branches(1.0), branches(0.5)};
    std::vector<job> wishes(2);
    wishes[0] = {.release = 0.0, .deadline = 20.0};
    wishes[1] = {.release = 1.0, .deadline = 7.0, .weight = 2.0};
    auto set = join_jobs(models, wishes).value();
    const auto together = schedule_jobs(set).value();
    std::cout << "two models:\n";
    print_jobs(set, together);
    set.jobs[0].priority = 1;
    const auto preferred = schedule_jobs(set).value();
    std::cout << "the first has priority:\n";
    print_jobs(set, preferred);

    const auto stream = make_periodic(problem, steady_devices(problem).value()).value();
    std::cout << "a stream of requests: one every " << stream.period << " s (no less than "
              << period_bound(problem) << "), each takes " << stream.first.makespan() << " s, "
              << stream.in_flight() << " in flight\n";

    const bool valid = validate(problem, free_links) && validate_contention(problem, bus, on_bus) &&
                       validate_duplicated(problem, copied) && validate(set.problem, together.made) &&
                       validate(set.problem, preferred.made) && validate_periodic(problem, stream);
    return valid && together.late == 0 && preferred.finish[0] <= together.finish[0] ? 0 : 1;
}
