classdef corelet < handle
  % Records what a corelet says of itself; stands in for the corelet environment in tests.
  properties
    name = '';
    neuron = struct('nID', {});
    core = struct('coreID', {});
    inputs = struct('size', {}, 'wireTgtCores', {}, 'wireSrcCores', {});
    outputs = struct('size', {}, 'wireTgtCores', {}, 'wireSrcCores', {});
  end
  methods
    function addNeuronTypes(obj, count, kind)
      for k = 1:count
        obj.neuron(k).nID = 100 + k;
      end
    end
    function addCores(obj, count)
      for n = 1:count
        obj.core(n).coreID = 1000 + n;
        for call = {'setW_ij', 'setAllG_i', 'setAllNeurons', 'setDest', 'setDisconnected'}
          obj.core(n).(call{1}) = @(varargin) record(call{1}, n, varargin);
        end
      end
    end
  end
end
