#include "dispart/simulate/online.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "dispart/core/random.hpp"

using namespace dispart;

namespace {

struct scene {
    std::vector<online_request> requests{};
    service_times times{};
};

scene random_scene(random_source& random, std::size_t count, double rate, bool same_time = false) {
    scene made;
    made.times = {.kinds = 3, .devices = 1 + random.index(3)};
    for (std::size_t i = 0; i < 3 * made.times.devices; ++i) {
        made.times.fixed.push_back(random.uniform(0.0, 1.0));
        made.times.each.push_back(random.uniform(0.2, 2.0));
    }
    double at = 0.0;
    for (std::size_t r = 0; r < count; ++r) {
        if (!same_time) at -= std::log(1.0 - random.uniform(0.0, 1.0)) / rate;
        made.requests.push_back({at, at + random.uniform(1.0, 15.0), random.index(3)});
    }
    return made;
}

double mean_wait(const scene& s, const online_outcome& out) {
    double sum = 0.0;
    for (std::size_t r = 0; r < s.requests.size(); ++r) sum += out.start[r] - s.requests[r].arrival;
    return sum / static_cast<double>(s.requests.size());
}

}  // namespace

TEST_CASE("serve_online: one at a time on a device, no device idles while one waits, nobody is lost") {
    random_source random(101);
    for (int round = 0; round < 60; ++round) {
        const auto s = random_scene(random, 80, 2.0);
        const online_options options{.order = static_cast<serving_order>(round % 3),
                                     .batch = 1 + random.index(3)};
        const auto out = serve_online(s.requests, s.times, options).value();
        CHECK(out.refused == 0);
        double in_system = 0.0;
        std::vector<std::vector<std::pair<double, double>>> spans(s.times.devices);
        for (std::size_t r = 0; r < s.requests.size(); ++r) {
            REQUIRE(out.device[r] < s.times.devices);
            CHECK(out.start[r] >= s.requests[r].arrival);
            spans[out.device[r]].emplace_back(out.start[r], out.finish[r]);
            in_system += out.finish[r] - s.requests[r].arrival;
        }
        for (device_id d = 0; d < spans.size(); ++d) {
            auto& row = spans[d];
            std::sort(row.begin(), row.end());
            double busy = 0.0;
            for (std::size_t i = 0; i < row.size(); ++i) {
                if (i == 0 || row[i] != row[i - 1]) busy += row[i].second - row[i].first;
                if (i > 0 && row[i] != row[i - 1]) CHECK(row[i].first >= row[i - 1].second);
            }
            CHECK(out.busy[d] == doctest::Approx(busy));
            // work conservation: whoever waits at the end of a gap would have been taken in it
            for (std::size_t r = 0; r < s.requests.size(); ++r)
                for (std::size_t i = 1; i < row.size(); ++i)
                    CHECK_FALSE((row[i - 1].second < row[i].first - 1e-9 &&
                                 s.requests[r].arrival < row[i].first - 1e-9 &&
                                 out.start[r] > std::max(row[i - 1].second, s.requests[r].arrival) + 1e-9 &&
                                 out.start[r] >= row[i].first));
        }
        // Little's law: the integral of the number in the system is the sum of the times that they spend there
        std::vector<std::pair<double, int>> steps;
        for (std::size_t r = 0; r < s.requests.size(); ++r) {
            steps.emplace_back(s.requests[r].arrival, 1);
            steps.emplace_back(out.finish[r], -1);
        }
        std::sort(steps.begin(), steps.end());
        double area = 0.0, before = 0.0;
        int inside = 0;
        for (const auto& [at, change] : steps) {
            area += inside * (at - before);
            before = at;
            inside += change;
        }
        CHECK(area == doctest::Approx(in_system));
    }
}

TEST_CASE("serve_online: of requests that are all there, shortest work waits least and earliest deadline is "
          "least late") {
    random_source random(102);
    for (int round = 0; round < 40; ++round) {
        auto s = random_scene(random, 6, 1.0, true);
        s.times.devices = 1;
        s.times.each.resize(3);
        s.times.fixed.resize(3);
        std::vector<std::size_t> line(6);
        std::iota(line.begin(), line.end(), std::size_t{0});
        double least_wait = 1e300, least_lateness = 1e300;
        do {
            double at = 0.0, wait = 0.0, worst = -1e300;
            for (const std::size_t r : line) {
                wait += at;
                at += s.times(s.requests[r].kind, 0, 1);
                worst = std::max(worst, at - s.requests[r].deadline);
            }
            least_wait = std::min(least_wait, wait / 6.0);
            least_lateness = std::min(least_lateness, worst);
        } while (std::next_permutation(line.begin(), line.end()));
        const auto quick = serve_online(s.requests, s.times, {.order = serving_order::shortest_work}).value();
        CHECK(mean_wait(s, quick) == doctest::Approx(least_wait));
        const auto prompt =
            serve_online(s.requests, s.times, {.order = serving_order::earliest_deadline}).value();
        double worst = -1e300;
        for (std::size_t r = 0; r < 6; ++r)
            worst = std::max(worst, prompt.finish[r] - s.requests[r].deadline);
        CHECK(worst == doctest::Approx(least_lateness));
    }
}

TEST_CASE("serve_online: who is admitted is in time; batches help where starting is dear") {
    random_source random(103);
    std::size_t refused = 0, late = 0;
    for (int round = 0; round < 40; ++round) {
        const auto s = random_scene(random, 100, 3.0);
        for (const auto order :
             {serving_order::first_come, serving_order::earliest_deadline, serving_order::shortest_work})
            for (const std::size_t batch : {1U, 4U}) {
                const auto strict =
                    serve_online(s.requests, s.times, {.order = order, .batch = batch, .admission = true})
                        .value();
                CHECK(strict.late == 0);
                refused += strict.refused;
                late += serve_online(s.requests, s.times, {.order = order, .batch = batch})->late;
            }
    }
    CHECK(refused > 0);
    CHECK(late > refused);  // refusing some saves more
    scene dear{.times = {.kinds = 1, .devices = 1, .fixed = {1.0}, .each = {0.1}}};
    for (int r = 0; r < 200; ++r) dear.requests.push_back({.arrival = 0.5 * r});
    const double single = mean_wait(dear, serve_online(dear.requests, dear.times).value());
    const double together = mean_wait(dear, serve_online(dear.requests, dear.times, {.batch = 8}).value());
    CHECK(together < 2.0);
    CHECK(single > 20.0);
}

TEST_CASE("serve_online: numbers that make no sense are refused") {
    const service_times times{.kinds = 1, .devices = 1, .each = {1.0}};
    const double no = std::numeric_limits<double>::infinity();
    CHECK(serve_online(std::vector<online_request>{{1.0}, {0.5}}, times).error().offender == "request 1");
    CHECK(serve_online(std::vector<online_request>{{.kind = 1}}, times).error().code == errc::invalid_argument);
    CHECK(serve_online({}, {.kinds = 1, .devices = 1, .each = {no}}).error().code == errc::infeasible);
    CHECK(serve_online({}, {}).error().code == errc::invalid_argument);
    CHECK(serve_online({}, times, {.batch = 0}).error().code == errc::invalid_argument);
    CHECK(serve_online({}, times)->busy[0] == 0.0);
}
