#pragma once
/// \file
/// Device and cloud for nets that are no chains: minimum cuts, and branch and bound where cuts alone do not decide.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/graph/adjacency_list.hpp>
#include <boost/graph/boykov_kolmogorov_max_flow.hpp>

#include "dispart/core/ids.hpp"
#include "dispart/core/result.hpp"
#include "dispart/partition/concepts.hpp"
#include "dispart/partition/neurosurgeon.hpp"
#include "dispart/problem/bounds.hpp"
#include "dispart/problem/instance.hpp"
#include "dispart/task/evaluate.hpp"
#include "dispart/task/part.hpp"

namespace dispart {

namespace detail {

/// What a cut costs: each figure times its price.
struct cut_prices {
    double device = 1.0;   ///< seconds of layers on the device
    double sending = 1.0;  ///< seconds for tensors that the device makes and the cloud reads
    double inputs = 0.0;   ///< seconds for model inputs that the cloud reads
    double cloud = 1.0;    ///< seconds of layers in the cloud
    double outputs = 0.0;  ///< seconds for model outputs that the cloud makes
};

/// Layers whose side is decided already.
enum class side : std::uint8_t { open, device, cloud };

/// The cheapest way to give layers to a device and its cloud, so that no data comes back from the cloud.
class tier_cut {
  public:
    tier_cut(const instance& problem, two_tiers at) : problem_(problem), at_(at) {}

    struct answer {
        std::vector<bool> in_cloud{};  ///< [layer]
        double cost = 0.0;             ///< infinite where the decided sides contradict what may run where
    };

    /// O(maximum flow over layers + tensors nodes). Source: Boykov, Kolmogorov, "An experimental comparison of
    /// min-cut/max-flow algorithms for energy minimization in vision", IEEE TPAMI 26(9), 2004.
    [[nodiscard]] answer solve(const std::vector<side>& decided, const cut_prices& prices) {
        graph_ = flow_graph(problem_.layer_count() + problem_.tensor_count() + 2);
        const std::size_t n = problem_.layer_count(), device = n + problem_.tensor_count(), cloud = device + 1;
        for (layer_id l = 0; l < n; ++l) {
            const bool may_device = decided[l] != side::cloud && problem_.is_allowed(l, at_.device);
            const bool may_cloud = decided[l] != side::device && problem_.is_allowed(l, at_.cloud);
            connect(device, l, may_cloud ? prices.cloud * problem_.compute(l, at_.cloud) : forbidden);
            connect(l, cloud, may_device ? prices.device * problem_.compute(l, at_.device) : forbidden);
        }
        for (tensor_id t = 0; t < problem_.tensor_count(); ++t) connect_tensor(t, prices);
        std::map<std::size_t, layer_id> seen;  // groups that share a device: the last layer of each
        for (layer_id l = 0; l < problem_.together.size(); ++l) {
            if (problem_.together[l] == no_id) continue;
            const auto [at, is_new] = seen.try_emplace(problem_.together[l], l);
            if (!is_new) connect(at->second, l, forbidden), connect(l, at->second, forbidden);
            at->second = l;
        }
        if (prices.outputs > 0.0 && problem_.sink != no_id)
            for (const tensor_id t : problem_.model_outputs)
                if (problem_.producer[t] != no_id)
                    connect(device, problem_.producer[t],
                            prices.outputs * problem_.tensor_bytes[t] * rate(at_.cloud, problem_.sink));
        answer found;
        found.cost = boost::boykov_kolmogorov_max_flow(graph_, device, cloud);
        if (found.cost >= forbidden) found.cost = std::numeric_limits<double>::infinity();
        const auto colour = boost::get(boost::vertex_color, graph_);
        for (layer_id l = 0; l < n; ++l)
            found.in_cloud.push_back(boost::get(colour, l) !=
                                     boost::color_traits<boost::default_color_type>::black());
        return found;
    }

  private:
    static constexpr double forbidden = 1e30;
    using traits = boost::adjacency_list_traits<boost::vecS, boost::vecS, boost::bidirectionalS>;
    using flow_graph = boost::adjacency_list<
        boost::vecS, boost::vecS, boost::bidirectionalS,
        boost::property<boost::vertex_color_t, boost::default_color_type,
                        boost::property<boost::vertex_distance_t, long,
                                        boost::property<boost::vertex_predecessor_t, traits::edge_descriptor>>>,
        boost::property<boost::edge_capacity_t, double,
                        boost::property<boost::edge_residual_capacity_t, double,
                                        boost::property<boost::edge_reverse_t, traits::edge_descriptor>>>>;

    /// A tensor has a node on the cloud's side as soon as one of its readers is there, and then it is paid for once.
    void connect_tensor(tensor_id t, const cut_prices& prices) {
        const std::size_t n = problem_.layer_count(), node = n + t;
        const double price = problem_.producer[t] == no_id ? prices.inputs : prices.sending;
        const device_id from = problem_.producer[t] == no_id ? problem_.source : at_.device;
        const double cost = price * problem_.tensor_bytes[t] * rate(from, at_.cloud);
        if (problem_.producer[t] == no_id) connect(n + problem_.tensor_count(), node, cost);
        else connect(problem_.producer[t], node, cost);
        for (const layer_id reader : problem_.consumers[t]) {
            connect(node, reader, forbidden);
            if (problem_.producer[t] != no_id) connect(reader, problem_.producer[t], forbidden);
        }
    }

    [[nodiscard]] double rate(device_id from, device_id to) const {
        if (from == no_id || to == no_id || from == to) return 0.0;
        if (!std::isfinite(problem_.latency(from, to))) return forbidden;
        return problem_.seconds_per_byte(from, to);
    }

    void connect(std::size_t from, std::size_t to, double capacity) {
        const auto there = boost::add_edge(from, to, graph_).first,
                   back = boost::add_edge(to, from, graph_).first;
        boost::put(boost::edge_capacity, graph_, there, std::min(capacity, forbidden));
        boost::put(boost::edge_capacity, graph_, back, 0.0);
        boost::put(boost::edge_reverse, graph_, there, back);
        boost::put(boost::edge_reverse, graph_, back, there);
    }

    const instance& problem_;
    two_tiers at_;
    flow_graph graph_{};
};

/// Branch and bound over the sides of layers; every node asks minimum cuts for its bound and for a candidate.
class tier_search {
  public:
    tier_search(const instance& problem, two_tiers at, objective goal, std::size_t most_nodes)
        : problem_(problem)
        , at_(at)
        , goal_(goal)
        , most_(most_nodes)
        , cut_(problem, at)
        , needed_(needed_layers(problem)) {
        const auto is_used = [](bool needed) { return needed; };
        connected_ = hangs_together(problem);
        all_needed_ = std::all_of(needed_.begin(), needed_.end(), is_used);
    }

    [[nodiscard]] result<partition> run() {
        const std::size_t n = problem_.layer_count();
        consider(std::vector<bool>(n, false));
        consider(std::vector<bool>(n, true));
        std::vector<bool> unneeded(n);
        for (layer_id l = 0; l < n; ++l) unneeded[l] = !needed_[l];
        consider(unneeded);
        open_.push_back(std::vector<side>(n, side::open));
        while (!open_.empty() && nodes_ < most_) {
            const auto decided = std::move(open_.back());
            open_.pop_back();
            ++nodes_;
            if (auto at = visit(decided)) branch(decided, *at);
        }
        return std::move(best_);
    }
    /// Whether the whole tree was searched.
    [[nodiscard]] bool exact() const noexcept { return open_.empty(); }

  private:
    void consider(const std::vector<bool>& in_cloud) {
        partition division;
        part device{{}, at_.device}, cloud{{}, at_.cloud};
        for (layer_id l = 0; l < in_cloud.size(); ++l) (in_cloud[l] ? cloud : device).layers.push_back(l);
        for (auto* each : {&device, &cloud})
            if (!each->layers.empty()) division.parts.push_back(std::move(*each));
        const auto achieved = evaluate(problem_, division);
        if (!achieved) {
            if (!best_) best_ = tl::unexpected<error>(achieved.error());
            return;
        }
        if (best_ && achieved->value(goal_) >= value_) return;
        value_ = achieved->value(goal_);
        best_ = std::move(division);
    }

    /// Bounds a node; the layer to branch on, or nothing where nothing better is below.
    [[nodiscard]] std::optional<layer_id> visit(const std::vector<side>& decided) {
        double bound = 0.0;
        std::vector<bool> suggested;
        for (const cut_prices& prices : arguments()) {
            auto cheapest = cut_.solve(decided, prices);
            bound = std::max(bound, cheapest.cost);
            if (bound == std::numeric_limits<double>::infinity()) return std::nullopt;
            consider(cheapest.in_cloud);
            suggested = std::move(cheapest.in_cloud);
        }
        if (goal_ == objective::latency && !all_needed_) bound = std::min(bound, needed_on_device());
        if (bound >= value_ * (1.0 - 1e-12)) return std::nullopt;
        // first the open layer that the cut leaves at the border: the first one in the cloud
        std::optional<layer_id> open;
        for (layer_id l = 0; l < decided.size(); ++l) {
            if (decided[l] != side::open) continue;
            if (!open) open = l;
            if (suggested[l]) return l;
        }
        return open;
    }

    /// Mixtures of figures none of which exceeds the objective while the cloud does anything. That the cloud waits for
    /// the device is certain only where all layers hang together.
    [[nodiscard]] std::vector<cut_prices> arguments() const {
        if (goal_ == objective::throughput)
            return {
                {0.5, 0.0, 0.0, 0.5, 0.0}, {0.25, 0.5, 0.0, 0.25, 0.0}, {1.0 / 3, 1.0 / 3, 0.0, 1.0 / 3, 0.0}};
        std::vector<cut_prices> all{{0.0, 0.0, 1.0, 1.0, 1.0}};
        if (connected_) all.push_back({0.5, 0.5, 0.5, 1.0, 1.0});
        if (connected_) all.push_back({1.0, 1.0, 0.0, 1.0, 1.0});
        return all;
    }

    [[nodiscard]] double needed_on_device() const {
        double sum = 0.0;
        for (layer_id l = 0; l < needed_.size(); ++l)
            if (needed_[l]) sum += problem_.compute(l, at_.device);
        return sum;
    }

    /// A layer in the cloud takes all that follow it along, one on the device all before it.
    void branch(const std::vector<side>& decided, layer_id at) {
        auto device = decided, cloud = decided;
        device[at] = side::device;
        for (layer_id l = at + 1; l-- > 0;)
            if (device[l] == side::device)
                for (const tensor_id t : problem_.reads[l])
                    if (problem_.producer[t] != no_id) device[problem_.producer[t]] = side::device;
        cloud[at] = side::cloud;
        for (layer_id l = at; l < cloud.size(); ++l)
            for (const tensor_id t : problem_.reads[l])
                if (problem_.producer[t] != no_id && cloud[problem_.producer[t]] == side::cloud)
                    cloud[l] = side::cloud;
        open_.push_back(std::move(device));
        open_.push_back(std::move(cloud));
    }

    const instance& problem_;
    two_tiers at_;
    objective goal_;
    std::size_t most_, nodes_ = 0;
    tier_cut cut_;
    std::vector<bool> needed_;
    bool all_needed_ = false, connected_ = false;
    std::vector<std::vector<side>> open_{};
    double value_ = std::numeric_limits<double>::infinity();
    result<partition> best_ = fail(errc::infeasible, "cluster", "no candidate was found");
};

}  // namespace detail

/// The best division of any net between a device and the cloud, where data goes to the cloud and only results come back.
///
/// Exact under `evaluate` unless `max_nodes` ends the search (most nets need a handful of minimum cuts); never worse than
/// all on the device or all in the cloud. Errors: invalid_argument, infeasible. O(nodes * maximum flow).
/// Source: Hu, Bao, Wang, Liu, "Dynamic adaptive DNN surgery for inference acceleration on the edge" (DADS), INFOCOM 2019,
/// for the cut; branch and bound for memory, unequal arrivals and throughput.
struct min_cut_partitioner {
    two_tiers where{};
    std::size_t max_nodes = 2000;  ///< of the search tree, three minimum cuts each

    [[nodiscard]] static constexpr std::string_view name() { return "min-cut"; }

    [[nodiscard]] result<partition> operator()(const instance& problem, objective goal) const {
        if (problem.layer_count() == 0)
            return fail(errc::invalid_argument, "instance", "there are no layers");
        DISPART_TRY(const auto at, detail::resolve(where, problem, goal));
        return detail::tier_search(problem, at, goal, max_nodes).run();
    }
};
static_assert(partitioner<min_cut_partitioner>);

}  // namespace dispart
