#include "dispart/schedule/of_partition.hpp"

#include <doctest/doctest.h>

#include "dispart/schedule/bounds.hpp"
#include "dispart/schedule/heft.hpp"
#include "dispart/schedule/validate.hpp"
#include "dispart/task/evaluate.hpp"
#include "support/random_instance.hpp"

using namespace dispart;

TEST_CASE("schedule_problem_of: pinned parts are as late as the closed formula says; free ones are never "
          "forbidden") {
    random_source random(81);
    std::size_t compared = 0;
    for (int round = 0; round < 80; ++round) {
        const auto net = test::random_instance(random, {.layers = 7, .places = round % 2 == 0});
        partition division;
        for (layer_id l = 0; l < net.layer_count(); ++l) {
            device_id d = random.index(net.device_count());
            while (!net.is_allowed(l, d)) d = (d + 1) % net.device_count();
            division.parts.push_back({{l}, d});
        }
        const auto predicted = evaluate(net, division);
        const auto pinned = schedule_problem_of(net, division, true);
        REQUIRE(pinned);
        const auto made = heft{}(*pinned);
        if (!predicted) continue;  // memory, which schedulers leave to `validate`
        REQUIRE(made);
        CHECK(validate_timing(*pinned, *made));
        for (part_id p = 0; p < division.parts.size(); ++p) {
            CHECK(made->tasks[p].device == division.parts[p].device);
            CHECK(pinned->seconds(p, division.parts[p].device) == net.compute(p, division.parts[p].device));
        }
        const auto free = schedule_problem_of(net, division).value();
        CHECK(free.is_allowed(0, division.parts[0].device));
        if (const auto layers = schedule_problem_of(net)) {  // no routes between devices: an error
            CHECK(layers->tables().seconds == free.tables().seconds);
            CHECK(layers->tables().dependencies.size() == free.tables().dependencies.size());
        }
        ++compared;
        CHECK(made->makespan() >= schedule_bounds(*pinned).best() * (1 - 1e-9));
    }
    CHECK(compared > 10);
}

TEST_CASE("schedule_problem_of: two parts on two devices end when the closed formula says") {
    random_source random(82);
    std::size_t compared = 0;
    for (int round = 0; round < 60; ++round) {
        const auto net = test::random_instance(
            random,
            {.layers = 5, .extra_reads = 0, .forbidden = 0.0, .unlimited_memory = 1.0, .places = true});
        partition division{{{{}, random.index(2)}, {{}, 2}}};
        for (layer_id l = 0; l < 5; ++l) division.parts[l < 2 ? 0 : 1].layers.push_back(l);
        const auto predicted = evaluate(net, division);
        if (!predicted) continue;
        const auto pinned = schedule_problem_of(net, division, true).value();
        CHECK(pinned.task_count() == 2 + (net.source != no_id ? 1 : 0) + (net.sink != no_id ? 1 : 0));
        const auto made = heft{}(pinned).value();
        for (part_id p = 0; p < 2; ++p)
            CHECK(made.tasks[p].finish == doctest::Approx(predicted->part_finish[p]));
        CHECK(made.makespan() >= predicted->latency * (1 - 1e-12));
        ++compared;
    }
    CHECK(compared > 30);
}
