// dispart solve: published instances and our own, straight from a file.
#include <sys/resource.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <functional>
#include <string_view>

#include "dispart/commands.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/json/dnn_partitioning.hpp"
#include "dispart/partition/place.hpp"

namespace cli {

using namespace dispart;

namespace {

// What a format's solver hands back: `answer` holds objective, bound, gap, algorithm, feasible and assignment.
using solver = result<ordered_json> (*)(std::string text, const solve_arguments& given);

result<objective> goal_of(const solve_arguments& given) {
    if (given.objective == "throughput") return objective::throughput;
    if (given.objective == "latency") return objective::latency;
    if (!given.objective.empty())
        return fail(errc::invalid_argument, given.objective, "the objective is latency or throughput");
    // As published, the instances for latency lie in a folder of their own and look like the others.
    for (const auto& folder : std::filesystem::absolute(given.file).parent_path())
        if (folder.string().starts_with("latency")) return objective::latency;
    return objective::throughput;
}

ordered_json summary(const placement& found) {
    return {{"objective", found.value},     {"bound", found.bound}, {"gap", found.gap()},
            {"algorithm", found.algorithm}, {"feasible", true},     {"optimal", found.is_optimal()},
            {"steps", found.steps}};
}

result<ordered_json> solve_dnn_partitioning(std::string text, const solve_arguments& given) {
    DISPART_TRY(const auto goal, goal_of(given));
    DISPART_TRY(const auto read, io::read_dnn_partitioning(text, given.file));
    std::string().swap(text);
    DISPART_TRY(const auto found, place(read.problem, goal,
                                        {.budget = {given.budget, given.iterations},
                                         .contiguous = given.contiguous,
                                         .algorithm = given.algorithm,
                                         .seed = given.seed}));
    ordered_json answer = summary(found);
    answer["goal"] = goal == objective::latency ? "latency" : "throughput";
    answer["devices"] = read.problem.device_names;
    ordered_json assigned = ordered_json::object();
    for (layer_id l = 0; l < found.devices.size(); ++l)
        assigned[std::to_string(read.layer_ids[l])] = found.devices[l];
    answer["assignment"] = std::move(assigned);
    return answer;
}

struct format {
    const char* name;
    bool (*recognises)(std::string_view text);
    solver solve;
};

constexpr std::array formats{
    format{"dnn-partitioning", io::is_dnn_partitioning, solve_dnn_partitioning},
};

std::size_t peak_bytes() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    return static_cast<std::size_t>(used.ru_maxrss) * 1024;
}

}  // namespace

result<int> solve(const solve_arguments& given, bool as_json) {
    const auto begin = std::chrono::steady_clock::now();
    DISPART_TRY(std::string text, io::read_text(given.file));
    const auto* const found =
        std::find_if(formats.begin(), formats.end(), [&](const format& f) { return f.recognises(text); });
    if (found == formats.end())
        return fail(errc::unsupported, given.file, "it is not an instance in a format that is known");
    DISPART_TRY(ordered_json answer, found->solve(std::move(text), given));
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    answer["format"] = found->name;
    answer["seconds"] = taken.count();
    answer["peak_bytes"] = peak_bytes();
    if (!as_json) answer.erase("assignment");
    print_json(answer);
    return 0;
}

}  // namespace cli
