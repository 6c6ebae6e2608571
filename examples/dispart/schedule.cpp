// dispart schedule: where and when the tasks of a task-graph file run.
#include <cstdio>
#include <limits>
#include <string>
#include <utility>

#include "dispart/commands.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/json/instance.hpp"
#include "dispart/io/json/task_graph.hpp"
#include "dispart/io/schedule_svg.hpp"
#include "dispart/schedule/of_partition.hpp"
#include "dispart/schedule/portfolio.hpp"

namespace cli {

using namespace dispart;

namespace {

/// A task graph, or an instance with its layers as tasks.
result<schedule_problem> read_problem(const std::string& file) {
    DISPART_TRY(const std::string text, io::read_text(file));
    if (!io::is_instance(text)) return io::read_task_graph(file);
    DISPART_TRY(const auto read, io::read_instance(text, file));
    return schedule_problem_of(read.problem);
}

/// Somebody's schedule of the problem, if it can be executed.
result<proven_schedule> judge(const schedule_problem& problem, const std::string& file) {
    DISPART_TRY(const io::json document, io::read_json(file));
    DISPART_TRY(dispart::schedule made, io::schedule_from_json(problem, document));
    return prove_schedule(problem, std::move(made), "given");
}

result<proven_schedule> solve(const schedule_problem& problem, const schedule_arguments& given) {
    if (!given.check.empty()) return judge(problem, given.check);
    if (!given.algorithm.empty() && given.algorithm != "portfolio")
        return run_scheduler(problem, given.algorithm);
    improve_budget budget{.seconds = given.budget};
    if (given.iterations > 0) budget = {.iterations = given.iterations};
    return schedule_portfolio(problem, {.budget = budget, .seed = given.seed, .trajectories = given.threads});
}

}  // namespace

result<int> schedule(const schedule_arguments& given, bool as_json) {
    if (!(given.budget >= 0.0))
        return fail(errc::invalid_argument, "--budget", "it is negative or not a number");
    DISPART_TRY(const auto problem, read_problem(given.file));
    DISPART_TRY(const auto solved, solve(problem, given));
    if (!given.svg.empty())
        DISPART_CHECK(io::write_text(given.svg, io::schedule_svg(problem, solved.best, solved.algorithm)));
    ordered_json document{{"makespan", solved.makespan}, {"bound", solved.bound},
                          {"gap", solved.gap},           {"algorithm", solved.algorithm},
                          {"seconds", solved.seconds},   {"iterations", solved.iterations}};
    if (given.schedule) document["schedule"] = io::schedule_to_json(problem, solved.best);
    if (as_json) {
        print_json(document);
        return 0;
    }
    std::printf(
        "makespan %.6g, by %s in %.3g s; no schedule is shorter than %.6g: at most %.2f %% could be gained\n",
        solved.makespan, solved.algorithm.c_str(), solved.seconds, solved.bound, 100.0 * solved.gap);
    if (given.schedule)
        for (const auto& row : document["schedule"])
            std::printf("task %-8s on %-8s from %-12.6g to %.6g\n", row["task"].dump().c_str(),
                        row["node"].dump().c_str(), row["start"].get<double>(), row["end"].get<double>());
    return 0;
}

}  // namespace cli
