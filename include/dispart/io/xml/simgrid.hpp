#pragma once
/// \file
/// SimGrid platform files (XML, versions 4 and 4.1) as clusters.

#include <boost/algorithm/string/predicate.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "dispart/cluster/builder.hpp"
#include "dispart/core/result.hpp"
#include "dispart/io/file.hpp"
#include "dispart/io/xml/document.hpp"

namespace dispart::io {

namespace detail {

/// A number with a unit of SimGrid: a decimal (k, M, G, ...) or binary (Ki, ...) prefix before `unit`, which may be missing.
/// Errors: parse_error with the text as offender.
inline result<double> simgrid_number(std::string_view text,
                                     std::initializer_list<std::pair<std::string_view, double>> units) {
    double number = 0.0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view suffix(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (problem == std::errc{} && std::isfinite(number) && number >= 0.0) {
        if (suffix.empty()) return number;
        static constexpr std::string_view prefixes = "kMGTPEZ";
        for (const auto& [unit, factor] : units) {
            if (!suffix.ends_with(unit)) continue;
            const auto prefix = suffix.substr(0, suffix.size() - unit.size());
            if (prefix.empty()) return number * factor;
            const auto power = prefixes.find(prefix[0]);
            if (power == std::string_view::npos || prefix.size() > 2 ||
                (prefix.size() == 2 && prefix[1] != 'i'))
                continue;
            return number * factor *
                   std::pow(prefix.size() == 2 ? 1024.0 : 1000.0, static_cast<double>(power) + 1.0);
        }
    }
    return fail(errc::parse_error, std::string(text), "it is not a quantity of SimGrid");
}
inline result<flops_per_second> simgrid_speed(const std::string& text) {
    // Several are the speeds at several power states; the first is the one at the start.
    DISPART_TRY(const double value,
                simgrid_number(std::string_view(text).substr(0, text.find(',')), {{"f", 1.0}}));
    return flops_per_second(value);
}
inline result<bytes_per_second> simgrid_bandwidth(const std::string& text) {
    DISPART_TRY(const double value, simgrid_number(text, {{"Bps", 1.0}, {"bps", 0.125}}));
    return bytes_per_second(value);
}
inline result<seconds> simgrid_latency(const std::string& text) {
    DISPART_TRY(
        const double value,
        simgrid_number(
            text,
            {{"ps", 1e-12}, {"ns", 1e-9}, {"us", 1e-6}, {"ms", 1e-3}, {"s", 1.0}, {"m", 60.0}, {"h", 3600.0}}));
    return seconds(value);
}

/// The numbers of a radical "0-9,12,20-22". Errors: parse_error, limit_exceeded (over 2^17 of them).
inline result<std::vector<std::int64_t>> simgrid_radical(const std::string& text) {
    std::vector<std::int64_t> numbers;
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto end = std::min(text.find(',', begin), text.size());
        std::int64_t first = 0;
        const auto [rest, problem] = std::from_chars(text.data() + begin, text.data() + end, first);
        std::int64_t last = first;
        bool good = problem == std::errc{} && first >= 0;
        if (good && rest != text.data() + end)
            good = *rest == '-' && std::from_chars(rest + 1, text.data() + end, last).ptr == text.data() + end;
        if (!good || last < first) return fail(errc::parse_error, text, "it is not a radical such as 0-9,12");
        if (last - first >= (1 << 17) - static_cast<std::int64_t>(numbers.size()))
            return fail(errc::limit_exceeded, text, "it names too many hosts");
        for (auto number = first; number <= last; ++number) numbers.push_back(number);
        begin = end + 1;
    }
    return numbers;
}

/// Reads one platform. A SimGrid link is a resource that several routes share, so it becomes an edge of its own between two
/// forwarders; a route leads from its source through the edges of its links, over connections that cost nothing.
class simgrid_reader {
  public:
    explicit simgrid_reader(std::string name) : builder_(std::move(name)) {}

    /// Errors: parse_error, unsupported, invalid_cluster, limit_exceeded.
    [[nodiscard]] result<cluster> read(const xml_node& document) {
        const auto platform = document.find("platform");
        if (platform == document.not_found())
            return fail(errc::parse_error, "platform", "not a SimGrid platform: there is no such element");
        DISPART_CHECK(read_children(platform->second, "platform"));
        for (const auto& route : routes_) DISPART_CHECK(add_route(route));
        return builder_.build();
    }

  private:
    struct shared_link {
        link properties{};
        enum class kind { shared, split, unshared } how = kind::shared;
        bool made = false;  ///< its edges exist
    };
    struct written_route {
        std::string from{}, to{}, owner{};
        std::vector<std::pair<std::string, std::string>> hops{};  ///< link, direction
        bool both_ways = true;
    };
    static constexpr std::size_t most_elements = std::size_t{1} << 18;

    [[nodiscard]] result<void> read_children(const xml_node& zone, const std::string& owner) {
        for (const auto& [kind, node] : zone) {
            if (++elements_ > most_elements)
                return fail(errc::limit_exceeded, owner, "the platform is too large");
            if (auto done = read_element(kind, node); !done) {
                if (done.error().offender.empty()) done.error().offender = owner;
                else
                    done.error().offender =
                        kind + " '" + xml_attribute(node, "id") + "': " + done.error().offender;
                return done;
            }
        }
        return {};
    }

    [[nodiscard]] result<void> read_element(const std::string& kind, const xml_node& node) {
        const auto id = xml_attribute(node, "id");
        if (kind == "zone" || kind == "AS") {
            if (boost::iequals(xml_attribute(node, "routing"), "Vivaldi"))
                return fail(errc::unsupported, id, "zones with Vivaldi coordinates are not handled");
            return read_children(node, id);
        }
        if (kind == "host") return add_host(id, node);
        if (kind == "router") return add_forwarder(id);
        if (kind == "link" || kind == "backbone") return add_link(id, node);
        if (kind == "cluster") return add_cluster(id, node);
        if (kind == "peer" || kind == "cabinet")
            return fail(errc::unsupported, id, "elements of kind " + kind + " are not handled");
        if (kind == "route" || kind == "ASroute" || kind == "zoneRoute" || kind == "bypassRoute") {
            routes_.push_back(read_route(kind, node));
        }
        return {};  // properties, comments, storage, traces of failures
    }

    [[nodiscard]] result<void> add_forwarder(const std::string& id) {
        if (names_.insert(id).second) builder_.forwarder(id);
        return {};
    }

    [[nodiscard]] result<void> add_host(const std::string& id, const xml_node& node) {
        device made;
        made.name = id;
        DISPART_TRY(made.speed, simgrid_speed(xml_attribute(node, "speed", xml_attribute(node, "power"))));
        DISPART_TRY(const double cores, simgrid_number(xml_attribute(node, "core", "1"), {}));
        made.speed = flops_per_second(made.speed.value * cores);
        for (const auto& [kind, prop] : node)
            if (kind == "prop") made.labels[xml_attribute(prop, "id")] = xml_attribute(prop, "value");
        names_.insert(id);
        builder_.device(std::move(made));
        return {};
    }

    [[nodiscard]] result<void> add_link(const std::string& id, const xml_node& node) {
        shared_link made;
        made.properties.name = id;
        DISPART_TRY(made.properties.bandwidth, simgrid_bandwidth(xml_attribute(node, "bandwidth")));
        DISPART_TRY(made.properties.latency, simgrid_latency(xml_attribute(node, "latency", "0")));
        const auto policy = xml_attribute(node, "sharing_policy", "SHARED");
        if (boost::iequals(policy, "SPLITDUPLEX") || boost::iequals(policy, "FULLDUPLEX"))
            made.how = shared_link::kind::split;
        if (boost::iequals(policy, "FATPIPE")) made.how = shared_link::kind::unshared;
        if (!links_.emplace(id, std::move(made)).second)
            return fail(errc::invalid_cluster, id, "two links have this name");
        return {};
    }

    /// Hosts, each with a link of its own (split unless stated), around a switch; a backbone is crossed between them.
    [[nodiscard]] result<void> add_cluster(const std::string& id, const xml_node& node) {
        if (const auto topology = xml_attribute(node, "topology", "FLAT"); !boost::iequals(topology, "FLAT"))
            return fail(errc::unsupported, id, "clusters of topology " + topology + " are not handled");
        DISPART_TRY(const auto numbers, simgrid_radical(xml_attribute(node, "radical")));
        link each;
        DISPART_TRY(each.bandwidth, simgrid_bandwidth(xml_attribute(node, "bw")));
        DISPART_TRY(each.latency, simgrid_latency(xml_attribute(node, "lat", "0")));
        const auto prefix = xml_attribute(node, "prefix"), suffix = xml_attribute(node, "suffix");
        const auto router = xml_attribute(node, "router_id", prefix + id + "_router" + suffix);
        DISPART_CHECK(add_forwarder(router));
        std::string inner = router;
        if (const auto speed = xml_attribute(node, "bb_bw"); !speed.empty()) {
            link backbone;
            backbone.name = id + "_backbone";
            DISPART_TRY(backbone.bandwidth, simgrid_bandwidth(speed));
            DISPART_TRY(backbone.latency, simgrid_latency(xml_attribute(node, "bb_lat", "0")));
            inner = id + "_backbone/in";
            DISPART_CHECK(add_forwarder(inner));
            builder_.one_way(inner, router, backbone);
        }
        for (const auto number : numbers) {
            const auto host = prefix + std::to_string(number) + suffix;
            if (++elements_ > most_elements)
                return fail(errc::limit_exceeded, id, "the platform is too large");
            DISPART_CHECK(add_host(host, node));
            builder_.one_way(host, inner, each).one_way(router, host, each);
        }
        return {};
    }

    static written_route read_route(const std::string& kind, const xml_node& node) {
        const bool of_zones = kind == "ASroute" || kind == "zoneRoute";
        written_route route{.from = xml_attribute(node, of_zones ? "gw_src" : "src"),
                            .to = xml_attribute(node, of_zones ? "gw_dst" : "dst"),
                            .owner = kind};
        route.both_ways = boost::iequals(xml_attribute(node, "symmetrical", "YES"), "YES");
        for (const auto& [inner, hop] : node)
            if (inner == "link_ctn")
                route.hops.emplace_back(xml_attribute(hop, "id"), xml_attribute(hop, "direction"));
        return route;
    }

    /// The two ends of a link's edge in one direction; makes them where they are new.
    [[nodiscard]] result<std::pair<std::string, std::string>>
    edge_of(const std::string& hop, const std::string& direction, bool backwards, const std::string& route) {
        auto id = hop;
        std::string side = direction;
        if (!links_.contains(id)) {  // "link_UP" and "link_DOWN" are the halves of a split one
            if (id.ends_with("_UP")) side = "UP", id.resize(id.size() - 3);
            else if (id.ends_with("_DOWN")) side = "DOWN", id.resize(id.size() - 5);
        }
        const auto found = links_.find(id);
        if (found == links_.end())
            return fail(errc::invalid_cluster, hop, "a route uses a link that does not exist");
        auto& known = found->second;
        std::string stem = id;
        if (known.how == shared_link::kind::split)
            stem += boost::iequals(side, "DOWN") != backwards ? "/down" : "/up";
        if (known.how == shared_link::kind::unshared) stem += "/" + route + (backwards ? "/back" : "");
        const std::pair<std::string, std::string> ends{stem + "/in", stem + "/out"};
        if (names_.insert(ends.first).second) {
            if (++elements_ > most_elements)
                return fail(errc::limit_exceeded, id, "the platform is too large");
            builder_.forwarder(ends.first)
                .forwarder(ends.second)
                .one_way(ends.first, ends.second, known.properties);
        }
        return ends;
    }

    [[nodiscard]] result<void> add_route(const written_route& route) {
        for (const auto& end : {route.from, route.to})
            if (!names_.contains(end))
                return fail(errc::invalid_cluster, end,
                            "a " + route.owner + " names a host or router that does not exist");
        if (route.from == route.to) return {};
        DISPART_CHECK(add_path(route, false));
        if (route.both_ways) DISPART_CHECK(add_path(route, true));
        return {};
    }

    [[nodiscard]] result<void> add_path(const written_route& route, bool backwards) {
        auto hops = route.hops;
        if (backwards) std::reverse(hops.begin(), hops.end());
        std::string at = backwards ? route.to : route.from;
        for (const auto& [hop, direction] : hops) {
            DISPART_TRY(const auto edge, edge_of(hop, direction, backwards, route.from + ">" + route.to));
            connect_free(at, edge.first);
            at = edge.second;
        }
        connect_free(at, backwards ? route.from : route.to);
        return {};
    }

    /// A connection that takes no time; SimGrid has none, so it stands for "here begins the next link".
    void connect_free(const std::string& from, const std::string& to) {
        if (!joined_.insert({from, to}).second) return;
        link free;
        free.name = from + " -> " + to;
        free.bandwidth = bytes_per_second(1e15);
        builder_.one_way(from, to, free);
    }

    cluster_builder builder_;
    std::map<std::string, shared_link> links_{};
    std::vector<written_route> routes_{};
    std::set<std::string> names_{};
    std::set<std::pair<std::string, std::string>> joined_{};
    std::size_t elements_ = 0;
};

}  // namespace detail

/// A cluster from a SimGrid platform: hosts (speed × cores), routers, links, routes, zones and flat clusters.
///
/// A link that is SHARED is one resource for both directions, one that is SPLITDUPLEX one for each, one that is FATPIPE is
/// shared by nobody. Messages take the quickest way through the stated routes' links, which is the stated route unless
/// others make a quicker one. Properties of hosts become labels. Failures, storage and power states are left out.
/// Errors: parse_error (not XML, not a platform, a quantity), unsupported (Vivaldi zones, peers, other topologies of
/// clusters), invalid_cluster (a name that nothing has), limit_exceeded. O(elements × log).
/// Source: SimGrid, "Platform description: the XML reference", version 3.32.
[[nodiscard]] inline result<cluster> parse_simgrid(std::string_view text,
                                                   const std::string& name = "platform") {
    DISPART_TRY(const auto document, parse_xml(text, name));
    return detail::simgrid_reader(name).read(document);
}

/// A cluster from a SimGrid platform file. Errors: those of `read_text` and `parse_simgrid`.
[[nodiscard]] inline result<cluster> read_simgrid(const std::filesystem::path& path) {
    DISPART_TRY(const auto text, read_text(path));
    return parse_simgrid(text, path.stem().string());
}

}  // namespace dispart::io
