#pragma once
/// \file
/// Builds a cluster by names, and checks it.

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dispart/cluster/graph.hpp"
#include "dispart/cluster/validate.hpp"
#include "dispart/core/result.hpp"

namespace dispart {

/// Collects devices and links in any number of calls; `build()` returns the cluster, or the first thing that was wrong.
///
/// Devices get ids in the order of their calls, links in the order in which they are made. Link helpers take names of
/// devices that were added before.
template <class Device = device, class Link = link>
class basic_cluster_builder {
  public:
    using graph = resource_graph<Device, Link>;

    explicit basic_cluster_builder(std::string name = "cluster") { info(graph_).name = std::move(name); }

    /// Adds a device.
    basic_cluster_builder& device(Device added) {
        const device_id id = num_vertices(graph_);
        if (!ids_.emplace(added.name, id).second)
            note(fail(errc::invalid_cluster, "device " + added.name, "two devices have this name"));
        add_vertex(std::move(added), graph_);
        return *this;
    }

    /// Adds a host or switch that only forwards.
    basic_cluster_builder& forwarder(std::string name) {
        Device added{};
        added.name = std::move(name);
        added.computes = false;
        return device(std::move(added));
    }

    /// Adds a link in one direction.
    basic_cluster_builder& one_way(const std::string& from, const std::string& to, Link added) {
        const auto a = find(from), b = find(to);
        if (a && b) {
            if (added.name.empty()) added.name = from + " -> " + to;
            add_edge(*a, *b, std::move(added), graph_);
        }
        return *this;
    }

    /// Adds a link in both directions, each with the full bandwidth.
    basic_cluster_builder& link(const std::string& a, const std::string& b, const Link& both) {
        return one_way(a, b, both).one_way(b, a, both);
    }

    /// Links every two of the named devices directly.
    basic_cluster_builder& mesh(const std::vector<std::string>& names, const Link& each) {
        for (std::size_t i = 0; i < names.size(); ++i)
            for (std::size_t j = i + 1; j < names.size(); ++j) link(names[i], names[j], each);
        return *this;
    }

    /// Links each of the named devices with the one before it.
    basic_cluster_builder& chain(const std::vector<std::string>& names, const Link& each) {
        for (std::size_t i = 1; i < names.size(); ++i) link(names[i - 1], names[i], each);
        return *this;
    }

    /// Links each of the named devices with the hub; between two of them a message crosses two links.
    basic_cluster_builder& star(const std::string& hub, const std::vector<std::string>& names,
                                const Link& each) {
        for (const auto& name : names) link(hub, name, each);
        return *this;
    }

    /// Adds a switch and links it with each of the named devices.
    basic_cluster_builder& switched(const std::string& name, const std::vector<std::string>& names,
                                    const Link& each) {
        return forwarder(name).star(name, names, each);
    }

    /// Where requests originate.
    basic_cluster_builder& source(const std::string& name) {
        info(graph_).source = find(name).value_or(no_id);
        return *this;
    }

    /// Where results are wanted.
    basic_cluster_builder& sink(const std::string& name) {
        info(graph_).sink = find(name).value_or(no_id);
        return *this;
    }

    /// The cluster. Errors: invalid_cluster, for the first call that named an unknown or doubled device, then whatever
    /// `validate` finds.
    [[nodiscard]] result<graph> build() const {
        if (first_error_) return tl::unexpected<error>(*first_error_);
        DISPART_CHECK(validate(graph_));
        return graph_;
    }

  private:
    std::optional<device_id> find(const std::string& name) {
        const auto found = ids_.find(name);
        if (found != ids_.end()) return found->second;
        note(fail(errc::invalid_cluster, "device " + name, "no device of this name was added",
                  "add devices before links, source and sink"));
        return std::nullopt;
    }

    void note(tl::unexpected<error> wrong) {
        if (!first_error_) first_error_ = std::move(wrong.value());
    }

    graph graph_{};
    std::map<std::string, device_id> ids_{};
    std::optional<error> first_error_{};
};

/// The builder with the default bundles.
using cluster_builder = basic_cluster_builder<>;

}  // namespace dispart
