#include "dispart/task/evaluate.hpp"

#include <doctest/doctest.h>

#include "dispart/simulate/simulate.hpp"
#include "support/random_instance.hpp"
#include "support/tiny_instance.hpp"

using namespace dispart;

namespace {

instance chain() {
    auto problem = test::tiny_instance(2, {4}, {{{10, 20}, {0}, {6}, 100}, {{30, 15}, {1}, {2}, 100}});
    problem.source = 0;
    problem.sink = 0;
    return problem;
}
const partition split{{{{0}, 0}, {{1}, 1}}};

/// Distinct devices for a random number of contiguous parts.
partition random_contiguous(random_source& random, const instance& problem) {
    std::vector<device_id> devices(problem.device_count());
    for (device_id d = 0; d < devices.size(); ++d) devices[d] = d;
    random.shuffle(devices);
    partition out;
    for (layer_id l = 0; l < problem.layer_count(); ++l) {
        if (l == 0 || (out.parts.size() < devices.size() && random.chance(0.4)))
            out.parts.push_back({{}, devices[out.parts.size()]});
        out.parts.back().layers.push_back(l);
    }
    return out;
}

}  // namespace

TEST_CASE("two devices by hand") {
    const auto got = evaluate(chain(), split);
    REQUIRE(got);
    // source is where part 0 runs: free; 10 s; 6 bytes take 1 + 6 s; 15 s; 2 bytes back take 1 + 2 s
    CHECK(got->latency == 10 + 7 + 15 + 3);
    CHECK(got->period == 15);
    CHECK(got->binding.what == resource::kind::device);
    CHECK(got->binding.id == 1);
    CHECK(got->device_compute == std::vector<double>{10, 15});
    CHECK(got->link_load == std::vector<double>{6, 2});
    CHECK(got->part_start == std::vector<double>{0, 17});
    CHECK(got->device_memory == std::vector<double>{100 + 10 + 10, 100 + 8 + 8});
    REQUIRE(got->path.size() == 4);
    CHECK(got->path[0].part == 0);
    CHECK(got->path[1].message != no_id);
    CHECK(got->path[1].end == 17);
    CHECK(got->path[3].end == got->latency);
}

TEST_CASE("replicas in turn: loads are shared, and the slowest turn says the latency") {
    auto problem = test::tiny_instance(2, {4, 4}, {{{10, 20}, {0}, {2}, 100}, {{10, 20}, {1}, {2}, 100}});
    problem.model_outputs = {2, 3};
    problem.source = 0;
    problem.sink = 0;
    partition copies{{{{0}, 0}, {{1}, 1, 1}}, 2};
    const auto got = evaluate(problem, copies);
    REQUIRE(got);
    CHECK(got->device_compute == std::vector<double>{5, 10});
    CHECK(got->period == 10);
    CHECK(got->link_load == std::vector<double>{2, 1});
    CHECK(got->latency == (1 + 4) + 20 + (1 + 2));
    const auto tasks = expand(problem, copies).value();
    const auto played = simulate(problem, tasks, {.requests = 9, .window = 1}).value();
    CHECK(played.finished[0] - played.admitted[0] == 10);
    CHECK(played.finished[1] - played.admitted[1] == got->latency);
    CHECK(simulate(problem, tasks, {.requests = 40}).value().period().value ==
          doctest::Approx(10).epsilon(0.05));
    for (const event& each : played.trace.events)
        CHECK(each.request % 2 == (each.what == activity::compute ? each.part : 1));
    copies.parts[1] = {{1}, 0, 1};  // one device with both turns
    CHECK(evaluate(problem, copies)->period == 10);
    CHECK(evaluate(problem, copies)->latency == 10);
    problem.reads = csr(std::vector<std::vector<std::size_t>>{{0}, {2}});
    CHECK(evaluate(problem, copies).error().offender == "tensor 2");
}

TEST_CASE("serial sends add to the sender's load") {
    auto problem = chain();
    problem.load = load_model::serial;
    const auto got = evaluate(problem, split);
    REQUIRE(got);
    CHECK(got->device_load == std::vector<double>{16, 17});
    CHECK(got->period == 17);
}

TEST_CASE("a link that several routes share carries them all; a pair's own rate binds where it is slower") {
    auto problem = chain();
    problem.routes = csr({{}, {0}, {0}, {}});
    problem.link_seconds_per_byte = {4};
    auto got = evaluate(problem, split);
    REQUIRE(got);
    CHECK(got->link_load == std::vector<double>{32});
    CHECK(got->binding.what == resource::kind::link);
    CHECK(got->period == 32);
    problem.seconds_per_byte(0, 1) = 6;
    got = evaluate(problem, split);
    REQUIRE(got);
    CHECK(got->binding.what == resource::kind::pair);
    CHECK(got->binding.peer == 1);
    CHECK(got->period == 36);
}

TEST_CASE("the sum of what a pair of devices carries counts") {
    // both layers read the input at the source; the first one runs there
    auto problem = test::tiny_instance(2, {4}, {{{1, 1}, {0}, {6}}, {{1, 1}, {0, 1}, {2}}});
    problem.source = 0;
    problem.routes = {};
    problem.link_seconds_per_byte.clear();
    const auto got = evaluate(problem, split);
    REQUIRE(got);
    CHECK(got->period == 10);
    CHECK(got->latency == 1 + 7 + 1);
}

TEST_CASE("parts on one device run in order and hand over for free") {
    const auto problem =
        test::tiny_instance(2, {0}, {{{5, 5}, {0}, {1}}, {{3, 3}, {0}, {1}}, {{1, 1}, {1, 2}, {1}}});
    const auto got = evaluate(problem, {{{{0}, 0}, {{1}, 0}, {{2}, 0}}});
    REQUIRE(got);
    CHECK(got->part_start == std::vector<double>{0, 5, 8});
    CHECK(got->latency == 9);
    CHECK(got->period == 9);
    CHECK(got->path.size() == 3);
}

TEST_CASE("too little memory is named") {
    auto problem = chain();
    problem.memory_capacity = {1000, 115};
    const auto got = evaluate(problem, split);
    REQUIRE(!got);
    CHECK(got.error().code == errc::infeasible);
    CHECK(got.error().offender == "device1");
    problem.memory_capacity = {1000, 116};
    CHECK(evaluate(problem, split));
}

TEST_CASE("the critical path is unbroken and ends at the latency") {
    random_source random(11);
    for (int round = 0; round < 500; ++round) {
        const auto problem = test::random_instance(
            random, {.layers = 1 + random.index(10), .devices = 1 + random.index(4), .places = true});
        const auto got = evaluate(problem, random_contiguous(random, problem));
        if (!got) continue;
        double reached = 0.0;
        for (const auto& step : got->path) {
            CHECK(step.begin == reached);
            reached = step.end;
        }
        CHECK(reached == got->latency);
    }
}

TEST_CASE("the formulas agree with the simulator where no two messages share a pair of devices") {
    random_source random(12);
    int compared = 0;
    for (int round = 0; round < 300; ++round) {
        auto problem = test::random_instance(
            random, {.layers = 1 + random.index(10), .devices = 1 + random.index(4), .places = true});
        problem.source = problem.sink = no_id;
        problem.model_outputs.clear();  // whatever nobody reads is wanted, so that the result waits for every part
        for (tensor_id t = 0; t < problem.tensor_count(); ++t)
            if (problem.consumers[t].empty()) problem.model_outputs.push_back(t);
        const auto division = random_contiguous(random, problem);
        const auto got = evaluate(problem, division);
        if (!got) continue;
        ++compared;
        const auto graph = expand(problem, division);
        REQUIRE(graph);
        const auto one = simulate(problem, *graph);
        REQUIRE(one);
        CHECK(one->first_latency().value == doctest::Approx(got->latency).epsilon(1e-9));
        const auto many =
            simulate(problem, *graph, {.requests = 200, .input_queue = 1000, .output_queue = 1000});
        REQUIRE(many);
        CHECK(many->period().value == doctest::Approx(got->period).epsilon(0.01));
    }
    CHECK(compared > 100);
}
