function c = connector(count, kind)
  c = struct('size', count, 'wireTgtCores', @(varargin) record('wireTgtCores', count, varargin), ...
             'wireSrcCores', @(varargin) record('wireSrcCores', count, varargin));
end
