# Finds gRPC for C++ without protobuf's package files, which its own asks for; defines GRPC::grpc.
find_path(GRPC_INCLUDE_DIR grpcpp/grpcpp.h)
find_library(GRPC_CPP_LIBRARY grpc++)
find_library(GRPC_LIBRARY grpc)
find_library(GRPC_GPR_LIBRARY gpr)
mark_as_advanced(GRPC_INCLUDE_DIR GRPC_CPP_LIBRARY GRPC_LIBRARY GRPC_GPR_LIBRARY)

include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(GRPC REQUIRED_VARS GRPC_CPP_LIBRARY GRPC_LIBRARY GRPC_GPR_LIBRARY GRPC_INCLUDE_DIR)

if(GRPC_FOUND AND NOT TARGET GRPC::grpc)
  add_library(GRPC::grpc UNKNOWN IMPORTED)
  set_target_properties(
    GRPC::grpc PROPERTIES IMPORTED_LOCATION "${GRPC_CPP_LIBRARY}" INTERFACE_INCLUDE_DIRECTORIES "${GRPC_INCLUDE_DIR}"
                          INTERFACE_LINK_LIBRARIES "${GRPC_LIBRARY};${GRPC_GPR_LIBRARY}")
endif()
