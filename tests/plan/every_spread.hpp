#pragma once
// Small problems, and every way to spread them: what the hybrid planner is compared with.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "dispart/cluster/builder.hpp"
#include "dispart/core/random.hpp"
#include "dispart/cost/roofline.hpp"
#include "dispart/model/zoo/net.hpp"
#include "dispart/plan/spread/make_spread_plan.hpp"

namespace dispart::test {

/// So many convolutions one after the other, and a classifier.
[[nodiscard]] inline model row_of_convolutions(std::size_t count) {
    zoo::net n("row", {.weights = false});
    auto x = n.image(3, 32);
    for (std::size_t i = 0; i < count; ++i) x = n.conv("c" + std::to_string(i), x, 16, {.kernel = 3});
    x = n.global_average("mean", x);
    return n.finish(x, "y").value();
}

[[nodiscard]] inline cluster unequal_machines(random_source& random, std::size_t count) {
    cluster_builder b("machines");
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) {
        names.push_back("m" + std::to_string(i));
        b.device(
            {.name = names.back(), .speed = flops_per_second(random.uniform(1e8, 1e9)), .memory = bytes(1e9)});
    }
    const double rate = std::pow(10.0, random.uniform(5.5, 8.0));
    b.mesh(names, {.latency = seconds(1e-4), .bandwidth = bytes_per_second(rate)}).source("m0").sink("m0");
    return b.build().value();
}

/// Every division of the body into runs, each on one device or in strips over a set of devices: by recursion over cuts.
class brute_force {
  public:
    brute_force(const model& net, const cluster& on, objective goal) : net_(net), on_(on), goal_(goal) {
        body_ = tileable_body(net).value();
        block_ = build_tile_block(net, body_).value();
        const auto built = build_instance(net, on, roofline{}).value();
        for (device_id d = 0; d < num_vertices(on); ++d) {
            double sum = 0.0;
            for (layer_id l = 0; l < built.problem.layer_count(); ++l) sum += built.problem.compute(l, d);
            speed_.push_back(1.0 / sum);
        }
    }
    double least() {
        search(0, {});
        return least_;
    }

  private:
    using runs = std::vector<std::pair<std::size_t, std::size_t>>;  // end, set of devices

    void search(std::size_t begin, const runs& before) {
        if (begin == body_.size())
            for (device_id tail = 0; tail < speed_.size(); ++tail) price(before, tail);
        for (std::size_t end = begin + 1; end <= body_.size(); ++end)
            for (std::size_t set = 1; set < std::size_t{1} << speed_.size(); ++set) {
                auto longer = before;
                longer.emplace_back(end, set);
                search(end, longer);
            }
    }
    std::vector<device_id> members(std::size_t set) const {
        std::vector<device_id> list;
        for (device_id d = 0; d < speed_.size(); ++d)
            if ((set >> d & 1U) != 0) list.push_back(d);
        return list;
    }
    void price(const runs& all, device_id tail) {
        auto whole = on_one_device(net_, tail);
        std::vector<tiled_layers> blocks;
        std::size_t begin = 0;
        for (std::size_t i = 0; i < all.size(); ++i) {
            const auto [end, set] = all[i];
            const auto devices = members(set);
            std::vector<layer_id> layers;
            whole.device.push_back(devices.front());
            for (; begin < end; ++begin) {
                layers.push_back(body_[begin]);
                whole.group[body_[begin]] = whole.device.size() - 1;
            }
            if (devices.size() == 1) continue;
            std::vector<double> speed;
            for (const device_id d : devices) speed.push_back(speed_[d]);
            blocks.push_back({layers, strips(build_tile_block(net_, layers).value(), devices, speed),
                              i + 1 < all.size() ? members(all[i + 1].second).front() : tail});
        }
        const auto priced =
            price_spread("", spread_tiles(whole, blocks, {.home = 0}).value(), on_, roofline{});
        if (priced) least_ = std::min(least_, priced->figures.value(goal_));
    }

    const model& net_;
    const cluster& on_;
    objective goal_;
    std::vector<layer_id> body_{};
    tile_block block_{};
    std::vector<double> speed_{};
    double least_ = std::numeric_limits<double>::infinity();
};

/// By closed formula.
[[nodiscard]] inline double planned_value(const spread_plan& p, const cluster& on, objective goal) {
    const auto built = build_instance(p.graph, on, roofline{}).value();
    return evaluate(built.problem, p.chosen.division).value().value(goal);
}

}  // namespace dispart::test
