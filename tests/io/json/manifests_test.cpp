#include "dispart/io/json/manifests.hpp"

#include <doctest/doctest.h>

#include <map>
#include <regex>
#include <set>
#include <string>

#include "dispart/cluster/builder.hpp"

using namespace dispart;

namespace {

cluster two_nodes(const std::string& first, const std::string& second) {
    cluster_builder builder("nodes");
    builder.device({.name = first, .speed = flops_per_second(1e10)});
    builder.device({.name = second, .speed = flops_per_second(1e10)});
    builder.device({.name = "idle", .speed = flops_per_second(1e10)});
    return builder
        .mesh({first, second, "idle"}, {.latency = seconds(1e-3), .bandwidth = bytes_per_second(1e8)})
        .source(first)
        .sink(first)
        .build()
        .value();
}

plan of_two(const cluster& on) {
    plan p{.model = "squeezenet", .cluster = "nodes"};
    for (device_id d = 0; d < num_vertices(on); ++d)
        p.devices.push_back({.name = on[d].name, .memory_bytes = 1e8});
    p.stages = {{.device = 0}, {.device = 1}};
    return p;
}

/// Fields that Kubernetes' own schema (1.26) requires of each kind that we write, and their JSON types.
using field_types = std::map<std::string, std::string>;
const std::map<std::string, field_types> required{
    {"Deployment",
     {{"/spec/selector/matchLabels", "object"},
      {"/spec/template/spec/containers", "array"},
      {"/spec/replicas", "number"}}},
    {"Service", {{"/spec/ports", "array"}, {"/spec/selector", "object"}}},
    {"NetworkPolicy", {{"/spec/podSelector", "object"}, {"/spec/policyTypes", "array"}}},
    {"ConfigMap", {{"/data", "object"}}},
    {"Job", {{"/spec/template/spec/containers", "array"}, {"/spec/template/spec/restartPolicy", "string"}}}};
const std::map<std::string, std::string> versions{{"Deployment", "apps/v1"},
                                                  {"Service", "v1"},
                                                  {"NetworkPolicy", "networking.k8s.io/v1"},
                                                  {"ConfigMap", "v1"},
                                                  {"Job", "batch/v1"}};

void check_item(const io::ordered_json& item) {
    const auto kind = item["kind"].get<std::string>();
    CAPTURE(kind);
    REQUIRE(required.contains(kind));
    CHECK(item["apiVersion"] == versions.at(kind));
    CHECK(std::regex_match(item["metadata"]["name"].get<std::string>(),
                           std::regex("[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")));
    for (const auto& [path, type] : required.at(kind)) {
        const io::ordered_json::json_pointer at(path);
        CAPTURE(path);
        REQUIRE(item.contains(at));
        CHECK(item.at(at).type_name() == type);
    }
    const io::ordered_json::json_pointer containers("/spec/template/spec/containers");
    if (!item.contains(containers)) return;
    for (const auto& each : item.at(containers)) {
        CHECK(each["image"].is_string());
        for (const auto& argument : each["args"]) CHECK(argument.is_string());
    }
    if (kind == "Deployment")
        for (const auto& [key, value] : item["spec"]["selector"]["matchLabels"].items())
            CHECK(item["spec"]["template"]["metadata"]["labels"][key] == value);
}

}  // namespace

TEST_CASE("manifests are what Kubernetes requires, and fit together") {
    const cluster on = two_nodes("node_A.lab", "pi 5");
    const auto made = io::kubernetes_manifests(of_two(on), on, {{"format", "dispart-plan/1"}});
    REQUIRE(made);
    CHECK((*made)["kind"] == "List");
    std::map<std::string, int> kinds;
    std::set<std::string> services;
    for (const auto& item : (*made)["items"]) {
        check_item(item);
        ++kinds[item["kind"].get<std::string>()];
        if (item["kind"] == "Service") services.insert(item["metadata"]["name"].get<std::string>());
        if (item["kind"] == "Deployment")
            CHECK(item["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"] ==
                  "214000000");
    }
    CHECK(kinds == std::map<std::string, int>{
                       {"Deployment", 2}, {"Service", 2}, {"NetworkPolicy", 1}, {"ConfigMap", 1}, {"Job", 1}});
    CHECK(services == std::set<std::string>{"dispart-node-a-lab", "dispart-pi-5"});
    for (const auto& item : (*made)["items"]) {
        if (item["kind"] != "ConfigMap") continue;
        const auto read = io::parse_cluster(item["data"]["cluster.json"].get<std::string>());
        REQUIRE(read);
        CHECK((*read)[0].address == "dispart-node-a-lab:7070");
        CHECK((*read)[2].address.empty());
    }
}

TEST_CASE("names that Kubernetes cannot tell apart, and plans of other clusters, are refused") {
    const cluster alike = two_nodes("pi.5", "pi-5");
    CHECK(io::kubernetes_manifests(of_two(alike), alike, {}).error().code == errc::invalid_argument);
    const cluster on = two_nodes("a", "b");
    plan other = of_two(on);
    other.devices[1].name = "c";
    CHECK(io::kubernetes_manifests(other, on, {}).error().offender == "b");
    other.devices.pop_back();
    CHECK(io::kubernetes_manifests(other, on, {}).error().code == errc::invalid_argument);
}
