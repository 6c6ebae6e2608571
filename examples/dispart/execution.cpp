#include "dispart/execution.hpp"

#include <algorithm>
#include <utility>

#include "dispart/codecs.hpp"
#include "dispart/common.hpp"
#include "dispart/io/onnx/write.hpp"
#include "dispart/progress.hpp"

namespace cli {

using namespace dispart;

namespace {

/// Where the devices' workers listen. Errors: invalid_cluster for a device that is used and has no address.
result<std::vector<worker_host>> hosts_of(const cluster& machines, const dispart::plan& p) {
    std::vector<worker_host> hosts;
    for (device_id d = 0; d < num_vertices(machines); ++d)
        hosts.push_back({machines[d].name, machines[d].address});
    for (const auto& s : p.stages)
        if (hosts[s.device].address.empty())
            return fail(
                errc::invalid_cluster, hosts[s.device].name, "the device has no address to dial",
                "start `dispart worker --listen HOST:PORT` there and put HOST:PORT into the cluster file");
    return hosts;
}

}  // namespace

result<deployed_plan> deployed_plan::deploy(const dispart::plan& p, const model& net, const cluster& machines,
                                            const execution_options& how) {
    DISPART_TRY(auto hosts, hosts_of(machines, p));
    const auto encode = [](const model& stage) { return io::write_onnx(stage); };
    deployment_options edges;
    for (const message& m : p.tasks.messages)
        if (!m.codec.empty()) edges.codecs.push_back({m.from, m.to, m.codec});
    DISPART_TRY(auto stages, make_deployment(net, p.division, std::move(hosts), encode, edges));
    DISPART_TRY(auto carrier, make_carrier(how.carrier));
    coordinator_options options{
        .name = node_name(carrier, "coordinator"), .listen = how.listen, .codecs = known_codecs()};
    if (options.listen.empty()) {
        DISPART_TRY(options.listen, listen_for(how.carrier, stages.hosts));
    }
    DISPART_TRY(auto running,
                coordinator<any_transport>::deploy(carrier, std::move(stages), std::move(options)));
    inputs made;
    for (request_id r = 0; r < std::min(how.requests, distinct_inputs); ++r) {
        DISPART_TRY(auto each, make_inputs(net, r));
        each.resize(running.plan().inputs);  // of the first of the copies that take requests in turn
        made.push_back(std::move(each));
    }
    return deployed_plan(std::move(running), std::move(made), window_of(p));
}

result<measured_run> deployed_plan::run(const execution_options& how) {
    const auto input = [&](request_id r) { return inputs_[r % inputs_.size()]; };
    measured_run made;
    DISPART_TRY(made.alone, running_.run(std::min(how.requests, how.singles), input,
                                         [](request_id, std::vector<tensor>) {}, {.window = 1}));
    progress_bar bar("running", how.requests);
    const auto keep = [&](request_id r, std::vector<tensor> outputs) {
        if (how.keep_outputs) made.outputs.push_back(std::move(outputs));
        bar.update(r + 1);
    };
    DISPART_TRY(made.stream, running_.run(how.requests, input, keep, {.window = window_}));
    return made;
}

result<measured_run> execute(const dispart::plan& p, const model& net, const cluster& machines,
                             const execution_options& how) {
    DISPART_TRY(auto deployed, deployed_plan::deploy(p, net, machines, how));
    DISPART_TRY(auto made, deployed.run(how));
    DISPART_CHECK(deployed.shut_down());
    return made;
}

result<processor_share> probe_share(const carrier_choice& choice, const std::string& address) {
    DISPART_TRY(auto carrier, make_carrier(choice));
    return probe_processor(carrier, address);
}

result<link_measurement> probe_worker(const carrier_choice& choice, const std::string& address) {
    DISPART_TRY(auto carrier, make_carrier(choice));
    return probe_link(carrier, address);
}

}  // namespace cli
