// Ten tasks on three unequal machines: list schedulers by name, the portfolio, and the proof that nothing is shorter.
#include <iostream>

#include "dispart/schedule/branch_and_bound.hpp"
#include "dispart/schedule/portfolio.hpp"

int main() {
    using namespace dispart;

    schedule_tables tables;
    tables.tasks = 10;
    tables.devices = 3;
    tables.seconds = {14, 16, 9, 13, 19, 18, 11, 13, 19, 13, 8,  17, 12, 13, 10,
                      13, 16, 9, 7,  15, 11, 5,  11, 14, 18, 12, 20, 21, 7,  16};
    tables.dependencies = {{0, 1, 18}, {0, 2, 12}, {0, 3, 9},  {0, 4, 11}, {0, 5, 14},
                           {1, 7, 19}, {1, 8, 16}, {2, 6, 23}, {3, 7, 27}, {3, 8, 23},
                           {4, 8, 13}, {5, 7, 15}, {6, 9, 17}, {7, 9, 11}, {8, 9, 13}};
    tables.latency.assign(9, 0.0);
    tables.seconds_per_byte.assign(9, 1.0);
    const auto problem = schedule_problem::make(tables);
    if (!problem) {
        std::cerr << problem.error() << '\n';
        return 1;
    }
    for (const char* name : {"heft", "peft", "min-min", "olb"})
        std::cout << name << ": " << run_scheduler(*problem, name).value().makespan << '\n';
    const auto best = schedule_portfolio(*problem, {.budget = {.iterations = 20'000}});
    const auto proof = branch_and_bound(*problem);
    if (!best || !proof) return 1;
    std::cout << "portfolio: " << best->makespan << " by " << best->algorithm << ", bound " << best->bound
              << "\nproven: " << proof->best.makespan() << '\n';
    for (task_id t = 0; t < problem->task_count(); ++t) {
        const auto& s = best->best.tasks[t];
        std::cout << "task " << t << " on machine " << s.device << " from " << s.start << " to " << s.finish
                  << '\n';
    }
    return proof->proven && best->makespan <= proof->best.makespan() * (1 + 1e-9) ? 0 : 1;
}
