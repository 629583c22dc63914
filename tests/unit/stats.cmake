foreach(name change correlation histogram holt_winters line percentile season summary trend trim vector weighted)
    unit_test(${name})
endforeach()
