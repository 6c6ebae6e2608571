// dispart solve: published instances and our own, straight from a file.
#include <array>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <string_view>

#include "dispart/commands.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/json/dnn_partitioning.hpp"
#include "dispart/io/json/instance.hpp"
#include "dispart/io/json/pipeedge.hpp"
#include "dispart/partition/best_division.hpp"
#include "dispart/partition/place.hpp"
#include "dispart/problem/bounds.hpp"

namespace cli {

using namespace dispart;

namespace {

// What a format's solver hands back: `answer` holds objective, bound, gap, algorithm, feasible and assignment.
using solver = result<ordered_json> (*)(std::string text, const solve_arguments& given);

result<objective> goal_of(const solve_arguments& given, objective otherwise) {
    if (given.objective.empty()) return otherwise;
    if (given.objective == "throughput") return objective::throughput;
    if (given.objective == "latency") return objective::latency;
    return fail(errc::invalid_argument, given.objective, "the objective is latency or throughput");
}

// As published, the instances for latency lie in a folder of their own and look like the others.
objective goal_by_folder(const std::string& file) {
    for (const auto& folder : std::filesystem::absolute(file).parent_path())
        if (folder.string().starts_with("latency")) return objective::latency;
    return objective::throughput;
}

ordered_json summary(double value, double bound, const std::string& algorithm, objective goal) {
    const bool optimal = value <= bound * (1.0 + 1e-9);
    return {{"objective", value},
            {"bound", std::min(value, bound)},
            {"gap", optimal ? 0.0 : (value - bound) / value},
            {"algorithm", algorithm},
            {"feasible", true},
            {"optimal", optimal},
            {"goal", goal == objective::latency ? "latency" : "throughput"}};
}

ordered_json turns(const std::vector<placement_attempt>& tried) {
    ordered_json all = ordered_json::array();
    for (const placement_attempt& turn : tried)
        all.push_back({{"algorithm", turn.algorithm},
                       {"objective", std::isfinite(turn.value) ? ordered_json(turn.value) : ordered_json()},
                       {"bound", turn.bound},
                       {"seconds", turn.seconds},
                       {"outcome", turn.outcome}});
    return all;
}

// Load model nets: a device for each layer.
result<ordered_json> solve_placement(const instance& problem, objective goal, const solve_arguments& given) {
    DISPART_TRY(const auto found, place(problem, goal,
                                        {.budget = {given.budget, given.iterations},
                                         .contiguous = given.contiguous,
                                         .replicate = given.replicate,
                                         .algorithm = given.algorithm,
                                         .seed = given.seed}));
    ordered_json answer = summary(found.value, found.bound, found.algorithm, goal);
    answer["steps"] = found.steps;
    answer["reason"] = found.reason;
    answer["tried"] = turns(found.tried);
    answer["devices"] = problem.device_names;
    if (given.replicate) answer["taking_turns"] = found.taking_turns;
    answer["assignment"] = found.devices;
    return answer;
}

// The other load models: parts that come one after the other.
result<chosen_division> divide(const instance& problem, objective goal, const solve_arguments& given) {
    const search_budget budget{given.budget, given.iterations};
    if (given.algorithm.empty())
        return best_division(problem, goal,
                             {.budget = budget, .contiguous = given.contiguous, .seed = given.seed});
    const auto by = [&]() -> result<partition> {
        if (given.algorithm == "even") return even_partitioner{}(problem, goal);
        if (given.algorithm == "proportional") return proportional_partitioner{}(problem, goal);
        if (given.algorithm == "best-single-device") return best_single_device{}(problem, goal);
        if (given.algorithm == "exhaustive-assignment")
            return exhaustive_assignment_partitioner{}(problem, goal);
        if (given.algorithm != "chain")
            return fail(errc::invalid_argument, given.algorithm,
                        "there is no such algorithm for this instance",
                        "known: chain, even, proportional, best-single-device, exhaustive-assignment");
        chain_orders_options search{.patience = 100, .seed = given.seed};
        search.steps = std::min(search.steps, given.iterations);
        return chain_orders_partitioner{search}(problem, goal);
    };
    chosen_division made{.bound = best_lower_bound(problem, goal).seconds,
                         .algorithm = given.algorithm,
                         .reason = given.algorithm + ": the only one asked for"};
    DISPART_TRY(made.division, by());
    DISPART_TRY(const auto achieved, evaluate(problem, made.division));
    made.value = achieved.value(goal);
    return made;
}

result<ordered_json> solve_division(const instance& problem, objective goal, const solve_arguments& given) {
    if (given.replicate)
        return fail(errc::unsupported, given.file,
                    "replicas are for placements whose load model is that of nets");
    DISPART_TRY(const auto found, divide(problem, goal, given));
    ordered_json answer = summary(found.value, found.bound, found.algorithm, goal);
    answer["reason"] = found.reason;
    answer["tried"] = turns(found.tried);
    answer["devices"] = problem.device_names;
    ordered_json assigned = ordered_json::array();
    for (const part& p : found.division.parts)
        assigned.push_back({{"device", p.device}, {"first", p.layers.front()}, {"layers", p.layers}});
    answer["assignment"] = std::move(assigned);
    return answer;
}

result<ordered_json> solve_dnn_partitioning(std::string text, const solve_arguments& given) {
    DISPART_TRY(const auto goal, goal_of(given, goal_by_folder(given.file)));
    DISPART_TRY(const auto read, io::read_dnn_partitioning(text, given.file));
    std::string().swap(text);
    DISPART_TRY(auto answer, solve_placement(read.problem, goal, given));
    ordered_json assigned = ordered_json::object();
    for (layer_id l = 0; l < read.layer_ids.size(); ++l)
        assigned.get_ref<ordered_json::object_t&>().emplace_back(std::to_string(read.layer_ids[l]),
                                                                 answer["assignment"][l]);
    answer["assignment"] = std::move(assigned);
    return answer;
}

// A stage of a chain is a run of its layers, whether or not that is asked for.
result<ordered_json> solve_chain(std::string text, const solve_arguments& given) {
    DISPART_TRY(const auto goal, goal_of(given, objective::throughput));
    DISPART_TRY(const auto read, io::parse_chain(text));
    solve_arguments runs = given;
    runs.contiguous = true;
    return solve_division(read.problem, goal, runs);
}

result<ordered_json> solve_instance(std::string text, const solve_arguments& given) {
    DISPART_TRY(const auto read, io::read_instance(text, given.file));
    DISPART_TRY(const auto goal, goal_of(given, read.goal));
    if (read.problem.load == load_model::nets) return solve_placement(read.problem, goal, given);
    return solve_division(read.problem, goal, given);
}

bool is_chain(std::string_view text) { return text.substr(0, 4096).find("\"chain/1\"") != text.npos; }

struct format {
    const char* name;
    bool (*recognises)(std::string_view text);
    solver solve;
};

constexpr std::array formats{
    format{"dnn-partitioning", io::is_dnn_partitioning, solve_dnn_partitioning},
    format{"chain/1", is_chain, solve_chain},
    format{"instance/1", io::is_instance, solve_instance},
};

// A figure of /proc/self/status, in bytes. (What getrusage calls the largest resident set is, at first, that of whoever
// started the process.)
std::size_t status_bytes(const std::string& name) {
    std::ifstream status("/proc/self/status");
    for (std::string key; status >> key; status.ignore(256, '\n'))
        if (std::size_t kibibytes = 0; key == name + ":" && status >> kibibytes) return kibibytes * 1024;
    return 0;
}

}  // namespace

result<int> solve(const solve_arguments& given, bool as_json) {
    const auto begin = std::chrono::steady_clock::now();
    const std::size_t resident = status_bytes("VmRSS");
    DISPART_TRY(std::string text, io::read_text(given.file));
    const auto* const found =
        std::find_if(formats.begin(), formats.end(), [&](const format& f) { return f.recognises(text); });
    if (found == formats.end())
        return fail(errc::unsupported, given.file, "it is not an instance in a format that is known");
    DISPART_TRY(ordered_json answer, found->solve(std::move(text), given));
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    answer["format"] = found->name;
    answer["seconds"] = taken.count();
    const std::size_t peak = status_bytes("VmHWM");
    answer["peak_bytes"] = peak - std::min(peak, resident);  // that solving took, the file included
    answer["process_peak_bytes"] = peak;                     // with the program itself and its libraries
    if (!as_json) answer.erase("assignment");
    print_json(answer);
    return 0;
}

}  // namespace cli
