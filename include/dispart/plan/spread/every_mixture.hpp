#pragma once
/// \file
/// Every division of a small body into runs, each on one device or in strips over several: for small problems the search is
/// exhaustive.

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dispart/plan/spread/ways.hpp"

namespace dispart {

/// Runs of the body between cuts where one map crosses, each in one of the ways: a device alone, or strips over two devices or
/// more in proportion to their speeds; what follows the body is on any device. Nothing where there are over `most` such plans.
class every_mixture {
  public:
    every_mixture(const spread_setting& s, std::size_t most) : s_(s), cuts_(cut_positions(s.block)) {
        const std::size_t devices = s.devices.size();
        if (s.body.empty() || devices < 2 || devices > 4 || cuts_.size() < 2) return;
        for (std::size_t mask = 1; mask < std::size_t{1} << devices; ++mask) {
            way made;
            for (std::size_t i = 0; i < devices; ++i) {
                if ((mask >> i & 1U) == 0) continue;
                made.devices.push_back(s.devices[i]);
                made.speed.push_back(s.work() / s.seconds[s.devices[i]]);
            }
            ways_.push_back(std::move(made));
        }
        double count = static_cast<double>(devices * ways_.size());
        for (std::size_t i = 2; i < cuts_.size(); ++i) count *= static_cast<double>(ways_.size() + 1);
        if (count > static_cast<double>(most)) ways_.clear();
    }

    /// O(plans · rewritten model).
    void propose(const candidate_sink& take) const {
        std::vector<run> runs;
        if (!ways_.empty()) go_on(0, runs, take);
    }

  private:
    struct way {
        std::vector<device_id> devices{};
        std::vector<double> speed{};
    };
    struct run {
        std::size_t first = 0, last = 0, way = 0;
    };

    void go_on(std::size_t cut, std::vector<run>& runs, const candidate_sink& take) const {
        if (cut + 1 == cuts_.size()) {
            for (const device_id tail : s_.devices) build(runs, tail, take);
            return;
        }
        for (std::size_t next = cut + 1; next < cuts_.size(); ++next)
            for (std::size_t w = 0; w < ways_.size(); ++w) {
                runs.push_back({cut, next, w});
                go_on(next, runs, take);
                runs.pop_back();
            }
    }

    void build(const std::vector<run>& runs, device_id tail, const candidate_sink& take) const {
        spread_model whole = on_one_device(s_.net, tail);
        std::vector<tiled_layers> blocks;
        for (std::size_t i = 0; i < runs.size(); ++i) {
            const way& how = ways_[runs[i].way];
            const auto layers = detail::layers_of(s_.block, cuts_[runs[i].first], cuts_[runs[i].last]);
            whole.device.push_back(how.devices.front());
            for (const layer_id v : layers) whole.group[v] = whole.device.size() - 1;
            if (how.devices.size() == 1) continue;
            const auto part = sub_block(s_.block, cuts_[runs[i].first], cuts_[runs[i].last]);
            const device_id next = i + 1 < runs.size() ? ways_[runs[i + 1].way].devices.front() : tail;
            blocks.push_back({layers, strips(part, how.devices, how.speed), next});
        }
        auto spread = spread_tiles(whole, blocks, {.home = s_.home});
        if (!spread) return;
        take({"mixture of " + std::to_string(runs.size()) + " runs", false, std::move(*spread), blocks});
    }

    const spread_setting& s_;
    std::vector<std::size_t> cuts_;
    std::vector<way> ways_{};
};

}  // namespace dispart
