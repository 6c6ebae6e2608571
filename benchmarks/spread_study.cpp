// How much spreading layers brings: networks on random clusters of boards, for both objectives.
// Writes a Markdown page: spread_study > docs/spread_study.md
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "dispart/cluster/builder.hpp"
#include "dispart/cluster/catalogue.hpp"
#include "dispart/core/random.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/rewrite.hpp"
#include "dispart/model/zoo.hpp"
#include "dispart/plan/spread/make_spread_plan.hpp"

namespace {

using namespace dispart;
using namespace dispart::literals;

/// Machines of the catalogue that one meets at home or in the field, around one of its networks; speeds are a third of the
/// peaks.
cluster random_cluster(random_source& random, std::size_t count) {
    static const std::array kinds{"raspberry-pi-3b+", "raspberry-pi-4b", "raspberry-pi-5",
                                  "jetson-nano",      "core-i7-1165g7",  "snapdragon-865"};
    static const std::array links{"fast-ethernet", "fast-ethernet", "gigabit-ethernet"};
    cluster_builder b("machines");
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) {
        names.push_back("d" + std::to_string(i));
        device made = catalogue_device(kinds[random.index(kinds.size())], names.back()).value();
        made.speed = flops_per_second(made.speed.value / 3.0);
        made.layer_overhead = seconds(2e-5);
        b.device(std::move(made));
    }
    const auto each = catalogue_link_of(links[random.index(links.size())]).value();
    return b.switched("switch", names, each).source("d0").sink("d0").build().value();
}

struct tally {
    std::size_t problems = 0, better = 0, clearly = 0, worse = 0;
    std::vector<double> gain{}, gap{};
    std::map<std::string, std::size_t> winners{};
};

double middle(std::vector<double> list, double at) {
    if (list.empty()) return 0.0;
    std::sort(list.begin(), list.end());
    return list[static_cast<std::size_t>(at * static_cast<double>(list.size() - 1))];
}

}  // namespace

int main() {
    random_source random(2026);
    std::map<objective, tally> tallies;
    for (const std::string name : {"vgg16", "resnet18", "resnet50", "mobilenet_v2", "squeezenet", "yolov2",
                                   "inception_v3", "densenet121"}) {
        auto net = zoo::make(name, {.weights = false}).value();
        if (!simplify(net)) return 1;
        for (const auto goal : {objective::latency, objective::throughput})
            for (int round = 0; round < 7; ++round) {
                const auto on = random_cluster(random, 2 + random.index(5));
                const auto found = make_spread_plan(net, on, roofline{}, {.goal = goal});
                if (!found) continue;
                const auto built = build_instance(found->graph, on, roofline{}).value();
                const double value = evaluate(built.problem, found->chosen.division).value().value(goal);
                const double pure = found->pure.front().prediction.value(goal);
                tally& sum = tallies[goal];
                ++sum.problems;
                sum.better += value < pure * (1.0 - 1e-6) ? 1 : 0;
                sum.clearly += value < pure * 0.99 ? 1 : 0;
                sum.worse += value > pure * (1.0 + 1e-9) ? 1 : 0;
                sum.gain.push_back(pure / value);
                sum.gap.push_back(1.0 - found->chosen.bound_s / value);
                ++sum.winners[found->chosen.algorithm.substr(
                    0, found->chosen.algorithm.find_first_of(":0123456789"))];
            }
    }
    std::printf("# What spreading brings\n\nWritten by `spread_study > docs/spread_study.md`: eight networks "
                "on random clusters of 2 to 6 machines of the catalogue at a third of their peaks, around a "
                "switch of 100 Mbit/s (two of three) or 1 Gbit/s, input and output on the first. The plan of "
                "`make_spread_plan` against the best pure way "
                "that it tried, both by closed formula.\n\n| objective | problems | better than every pure "
                "way | by over 1 %% | worse | gain, median | gain, 90th "
                "percentile | gap to the bound, median |\n|---|---|---|---|---|---|---|---|\n");
    for (const auto& [goal, sum] : tallies)
        std::printf("| %s | %zu | %zu | %zu | %zu | %.2f x | %.2f x | %.0f %% |\n",
                    goal == objective::latency ? "latency" : "throughput", sum.problems, sum.better,
                    sum.clearly, sum.worse, middle(sum.gain, 0.5), middle(sum.gain, 0.9),
                    100.0 * middle(sum.gap, 0.5));
    std::printf("\nWhich way won:\n\n");
    for (const auto& [goal, sum] : tallies)
        for (const auto& [way, count] : sum.winners)
            std::printf("- %s: %s %zu\n", goal == objective::latency ? "latency" : "throughput", way.c_str(),
                        count);
    return 0;
}
