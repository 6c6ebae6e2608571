#pragma once
/// \file
/// Kubernetes manifests from a plan: a worker on each node that the plan uses, and the coordinator as a job.

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "dispart/io/json/cluster.hpp"
#include "dispart/io/json/value.hpp"
#include "dispart/plan/plan.hpp"

namespace dispart::io {

/// Settings of `kubernetes_manifests`.
struct manifest_options {
    std::string image = "dispart:latest";  ///< a container whose entry point is the command line
    std::string name = "dispart";          ///< of the application: prefix and label of everything
    std::string model{};                   ///< what the coordinator's `--model` says; empty: the plan's model
    std::string backend = "eigen";         ///< of the workers
    std::uint16_t port = 7070;             ///< on which workers listen
    double memory_headroom = 1.5;          ///< a worker's limit, over what the plan says that it needs,
    double memory_base_bytes = 64e6;       ///< and what the process itself takes
    std::size_t requests = 100;            ///< that the job sends
    std::vector<std::string> arguments{};  ///< more of the coordinator's (`--codec`, `auto`)
};

namespace detail {

/// A name as Kubernetes takes it (RFC 1123): lower-case letters, digits and '-', at most 63.
[[nodiscard]] inline std::string dns_name(const std::string& from) {
    std::string made;
    for (const char c : from) {
        const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0;
        if (plain) made += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        else if (!made.empty() && made.back() != '-') made += '-';
    }
    made.resize(std::min<std::size_t>(made.size(), 63));
    while (!made.empty() && made.back() == '-') made.pop_back();
    return made.empty() ? "unnamed" : made;
}

[[nodiscard]] inline ordered_json container(const manifest_options& options,
                                            std::vector<std::string> arguments) {
    return {{"name", "dispart"},
            {"image", options.image},
            {"args", std::move(arguments)},
            {"securityContext",
             {{"allowPrivilegeEscalation", false},
              {"runAsNonRoot", true},
              {"runAsUser", 65534},
              {"readOnlyRootFilesystem", true},
              {"capabilities", {{"drop", {"ALL"}}}}}}};
}

[[nodiscard]] inline ordered_json worker_manifest(const std::string& title, const plan_device& on,
                                                  const manifest_options& options) {
    const ordered_json labels{{"app", options.name}, {"dispart-worker", title}};
    ordered_json runs =
        container(options, {"worker", "--listen", "0.0.0.0:" + std::to_string(options.port), "--name",
                            on.name, "--backend", options.backend, "--allow-plaintext-off-machine"});
    runs["ports"] = ordered_json::array({{{"containerPort", options.port}}});
    const double bytes = std::ceil(on.memory_bytes * options.memory_headroom + options.memory_base_bytes);
    const std::string memory = std::to_string(static_cast<std::uint64_t>(bytes));
    runs["resources"] = {{"requests", {{"cpu", "1"}, {"memory", memory}}}, {"limits", {{"memory", memory}}}};
    runs["readinessProbe"] = {{"tcpSocket", {{"port", options.port}}}, {"periodSeconds", 2}};
    return {{"apiVersion", "apps/v1"},
            {"kind", "Deployment"},
            {"metadata", {{"name", title}, {"labels", labels}}},
            {"spec",
             {{"replicas", 1},
              {"strategy", {{"type", "Recreate"}}},
              {"selector", {{"matchLabels", labels}}},
              {"template",
               {{"metadata", {{"labels", labels}}},
                {"spec",
                 {{"nodeSelector", {{"kubernetes.io/hostname", on.name}}},
                  {"automountServiceAccountToken", false},
                  {"containers", ordered_json::array({std::move(runs)})}}}}}}}};
}

[[nodiscard]] inline ordered_json service_manifest(const std::string& title, const manifest_options& options) {
    return {{"apiVersion", "v1"},
            {"kind", "Service"},
            {"metadata", {{"name", title}, {"labels", {{"app", options.name}}}}},
            {"spec",
             {{"selector", {{"app", options.name}, {"dispart-worker", title}}},
              {"ports", ordered_json::array({{{"port", options.port}, {"targetPort", options.port}}})}}}};
}

/// Traffic is not encrypted: only pods of the application reach the workers.
[[nodiscard]] inline ordered_json policy_manifest(const manifest_options& options) {
    const ordered_json ours{{"podSelector", {{"matchLabels", {{"app", options.name}}}}}};
    return {{"apiVersion", "networking.k8s.io/v1"},
            {"kind", "NetworkPolicy"},
            {"metadata", {{"name", options.name}}},
            {"spec",
             {{"podSelector", {{"matchLabels", {{"app", options.name}}}}},
              {"policyTypes", {"Ingress"}},
              {"ingress", ordered_json::array({{{"from", ordered_json::array({ours})}}})}}}};
}

[[nodiscard]] inline ordered_json coordinator_manifest(const std::string& model,
                                                       const manifest_options& options) {
    const ordered_json labels{{"app", options.name}, {"dispart-coordinator", options.name}};
    std::vector<std::string> arguments{"run",
                                       "--model",
                                       model,
                                       "--cluster",
                                       "/dispart/cluster.json",
                                       "--requests",
                                       std::to_string(options.requests),
                                       "--out",
                                       "/tmp/dispart-out",
                                       "--allow-plaintext-off-machine"};
    arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
    ordered_json runs = container(options, std::move(arguments));
    runs["volumeMounts"] =
        ordered_json::array({{{"name", "plan"}, {"mountPath", "/dispart"}, {"readOnly", true}},
                             {{"name", "out"}, {"mountPath", "/tmp"}}});
    return {{"apiVersion", "batch/v1"},
            {"kind", "Job"},
            {"metadata", {{"name", options.name + "-coordinator"}, {"labels", labels}}},
            {"spec",
             {{"backoffLimit", 3},
              {"template",
               {{"metadata", {{"labels", labels}}},
                {"spec",
                 {{"restartPolicy", "Never"},
                  {"automountServiceAccountToken", false},
                  {"containers", ordered_json::array({std::move(runs)})},
                  {"volumes",
                   ordered_json::array({{{"name", "plan"}, {"configMap", {{"name", options.name + "-plan"}}}},
                                        {{"name", "out"}, {"emptyDir", ordered_json::object()}}})}}}}}}}};
}

}  // namespace detail

/// A Kubernetes `List` for `kubectl apply -f`: for each device that computes in the plan a Deployment of one worker, tied to
/// the node of the device's name, with the memory that the plan needs, and its Service; a NetworkPolicy that lets in nobody
/// else; a ConfigMap with the cluster, its devices' addresses those Services, and the plan; and a Job that runs the coordinator
/// where the scheduler likes. The job plans again from the cluster and so makes the same plan.
/// \param on the cluster that the plan was made for
/// Errors: invalid_argument where the plan is for another cluster, or two devices have one name in Kubernetes' spelling.
[[nodiscard]] inline result<ordered_json> kubernetes_manifests(const plan& p, const cluster& on,
                                                               const ordered_json& plan_document,
                                                               const manifest_options& options = {}) {
    if (p.devices.size() != num_vertices(on))
        return fail(errc::invalid_argument, p.cluster, "the plan is for another cluster");
    cluster addressed = on;
    ordered_json items = ordered_json::array();
    std::vector<std::string> titles;
    for (device_id d = 0; d < p.devices.size(); ++d) {
        if (p.devices[d].name != on[d].name)
            return fail(errc::invalid_argument, on[d].name, "the plan is for another cluster");
        const bool used =
            std::any_of(p.stages.begin(), p.stages.end(), [d](const plan_stage& s) { return s.device == d; });
        if (!used) continue;
        const std::string title = detail::dns_name(options.name + "-" + on[d].name);
        if (std::find(titles.begin(), titles.end(), title) != titles.end())
            return fail(errc::invalid_argument, on[d].name,
                        "another device is also called " + title + " in Kubernetes");
        titles.push_back(title);
        addressed[d].address = title + ":" + std::to_string(options.port);
        items.push_back(detail::worker_manifest(title, p.devices[d], options));
        items.push_back(detail::service_manifest(title, options));
    }
    items.push_back(detail::policy_manifest(options));
    items.push_back(
        {{"apiVersion", "v1"},
         {"kind", "ConfigMap"},
         {"metadata", {{"name", options.name + "-plan"}, {"labels", {{"app", options.name}}}}},
         {"data",
          {{"cluster.json", cluster_to_json(addressed).dump(2)}, {"plan.json", plan_document.dump(2)}}}});
    items.push_back(detail::coordinator_manifest(options.model.empty() ? p.model : options.model, options));
    return ordered_json{{"apiVersion", "v1"}, {"kind", "List"}, {"items", std::move(items)}};
}

}  // namespace dispart::io
