// A service that watches its workers and plans anew when they are no longer what they were, in a virtual world.
#include <doctest/doctest.h>

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dispart/adapt/watcher.hpp"
#include "dispart/cluster/builder.hpp"
#include "dispart/cluster/survivors.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/plan/make_plan.hpp"
#include "runtime/fault_world.hpp"

using namespace dispart;
using namespace dispart::literals;

namespace {

/// Six layers of 1 MiB and 2 ms each, over three workers of which the first can hold two of them, the others three.
struct watched_world {
    explicit watched_world(std::uint64_t seed) : on(seed, 3) {
        model_builder m("six");
        tensor_id t = m.input("x", {1, 512});
        for (std::size_t l = 0; l < test::fault_world::layers; ++l)
            t = m.add("MatMul", {t, m.weight("w" + std::to_string(l), {512, 512})});
        m.output(t);
        net = std::move(m).build().value();
        cluster_builder c("three");
        for (const auto& host : on.hosts)
            c.device({.name = host.name,
                      .speed = flops_per_second(2.0 * 512 * 512 / 0.002),
                      .memory = host.name == "w0" ? 2.5_MiB : 3.5_MiB});
        machines = c.forwarder("c")
                       .mesh({"w0", "w1", "w2", "c"}, {.latency = 0.5_ms, .bandwidth = 1_Gbps})
                       .source("c")
                       .sink("c")
                       .build()
                       .value();
        watch = std::make_unique<watcher>(machines, [this](const cluster& left) { return plan_over(left); });
        on.memory.assign(3, 4_MiB);
    }

    [[nodiscard]] result<plan> plan_over(const cluster& left) const {
        return make_plan(net, left, roofline{}, {.algorithm = "chain"});
    }

    result<service_plan> deploy(const roster_view& who) {
        std::vector<std::string> names;
        for (const auto& each : who.present) names.push_back(each.name);
        cluster left = survivors(watch->machines(), names, who.broken);
        DISPART_TRY(auto p, plan_over(left));
        DISPART_TRY(auto stages, make_deployment(test::doubling(test::fault_world::layers), p.division,
                                                 on.hosts, test::encode_doubling(1000)));
        layers.clear();
        for (const part& each : p.division.parts) layers[on.hosts[each.device].name] = each.layers.size();
        planned_at.push_back(test::virtual_seconds() - began_s);
        const std::size_t window = 3 * p.stages.size() + 1;
        watch->running(std::move(p), std::move(left), test::virtual_seconds());
        return service_plan{std::move(stages), window, {.stage_within = seconds(3.0)}};
    }

    /// Requests as fast as they are answered, for so long. \return answers per second
    double stream(service<fault_transport>& to, double lasts_s) {
        const deadline end = deadline_in(seconds(lasts_s));
        const std::size_t before = book.count(outcome_kind::answered);
        while (clock_now() < end) {
            const auto now = to.status();
            if (now.waiting + now.in_flight < 32) {
                CHECK(to.submit(next, test::fault_world::inputs_of(next)));
                ++next;
            } else {
                sleep_until(deadline_in(seconds(0.002)));
            }
        }
        return static_cast<double>(book.count(outcome_kind::answered) - before) / lasts_s;
    }

    template <class Script>
    bool play(Script script) {
        return on.world.run([&] {
            for (std::size_t i = 0; i < 3; ++i) on.start(i);
            began_s = test::virtual_seconds();
            service<fault_transport>* at = nullptr;
            service_options options;
            options.on_telemetry = [&](const service_telemetry& told) {
                const auto reason = watch->observe(told.events, told.memory, test::virtual_seconds());
                if (!reason) return;
                reasons.push_back(*reason);
                at->plan_again();
            };
            {
                service<fault_transport> serving(
                    on.network.at("c"), on.hosts, [&](const roster_view& who) { return deploy(who); },
                    [&](outcome o) { book.add(std::move(o)); }, options);
                at = &serving;
                script(serving);
                CHECK(serving.wait_until_idle(deadline_in(seconds(10.0))));
                CHECK(serving.status().failures == 0);
            }
            for (std::size_t i = 0; i < 3; ++i) on.kill(i, false);
        });
    }

    test::fault_world on;
    model net{};
    cluster machines{};
    std::unique_ptr<watcher> watch{};
    std::map<std::string, std::size_t> layers{};  ///< of the present plan
    std::vector<double> planned_at{};
    std::vector<std::string> reasons{};
    double began_s = 0.0;
    test::outcome_book book{};
    request_id next = 0;
};

using layer_counts = std::map<std::string, std::size_t>;

}  // namespace

TEST_CASE(
    "adapting: a worker's memory halves: planned anew within two probes, as if it had been known; and back") {
    watched_world it(1);
    double informed = 0.0, after = 0.0;
    CHECK(it.play([&](auto& serving) {
        it.stream(serving, 5.0);
        CHECK(it.layers == layer_counts{{"w0", 2}, {"w1", 2}, {"w2", 2}});
        it.on.memory[1] = 1.75_MiB;
        cluster known = it.machines;
        known[1].memory = 1.75_MiB;
        informed = 1.0 / it.plan_over(known).value().prediction.period_s;
        const double halved_at = test::virtual_seconds() - it.began_s;
        it.stream(serving, 6.5);
        CHECK(it.planned_at.size() == 2);
        CHECK(it.planned_at.back() - halved_at < 2 * 2.0 + 0.3);
        CHECK(it.layers == layer_counts{{"w0", 2}, {"w1", 1}, {"w2", 3}});
        after = it.stream(serving, 5.0);
        it.on.memory[1] = 100_MiB;  // more than the cluster file allows it
        it.stream(serving, 7.0);
    }));
    CHECK(it.book.wrong + it.book.twice == 0);
    CHECK(after >= 0.95 * informed);
    REQUIRE(it.reasons.size() == 2);
    CHECK(it.reasons[0].find("w1 has 0.5") != std::string::npos);
    CHECK(it.reasons[1].find("w1 has 2") != std::string::npos);
    CHECK(it.layers == layer_counts{{"w0", 2}, {"w1", 2}, {"w2", 2}});
}

TEST_CASE("adapting: a worker's speed halves: planned anew within two probes, as if it had been known") {
    watched_world it(2);
    double informed = 0.0, after = 0.0;
    CHECK(it.play([&](auto& serving) {
        it.stream(serving, 5.0);
        it.on.slowdown[2] = 2.0;
        cluster known = it.machines;
        known[2].slowdown = 2.0;
        informed = 1.0 / it.plan_over(known).value().prediction.period_s;
        const double halved_at = test::virtual_seconds() - it.began_s;
        it.stream(serving, 6.5);
        CHECK(it.planned_at.size() == 2);
        CHECK(it.planned_at.back() - halved_at < 2 * 2.0 + 0.3);
        after = it.stream(serving, 5.0);
    }));
    CHECK(it.book.wrong + it.book.twice == 0);
    CHECK(after >= 0.95 * informed);
    CHECK(it.layers["w2"] <= 1);
}

TEST_CASE("adapting: noise of 10 % in speed and memory changes no plan; memory that still suffices neither") {
    watched_world it(3);
    random_source draw(3);
    CHECK(it.play([&](auto& serving) {
        for (int i = 0; i < 120; ++i) {
            for (std::size_t w = 0; w < 3; ++w) {
                it.on.slowdown[w] = draw.uniform(0.9, 1.1);
                it.on.memory[w] = 3.3_MiB * draw.uniform(0.9, 1.1);
            }
            it.stream(serving, 0.5);
        }
        for (std::size_t w = 0; w < 3; ++w) it.on.memory[w] = 2.2_MiB;  // two layers fit still
        it.stream(serving, 10.0);
    }));
    CHECK(it.book.wrong + it.book.twice == 0);
    CHECK(it.planned_at.size() == 1);
    CHECK(it.reasons.empty());
    CHECK(it.watch->machines()[1].memory.value == doctest::Approx((2.2_MiB).value));
}
