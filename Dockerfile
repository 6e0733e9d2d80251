FROM node:24-slim
WORKDIR /app
ENV NODE_ENV=production HOST=0.0.0.0
COPY package.json package-lock.json ./
RUN npm ci --omit=dev
COPY src ./src
COPY views ./views
COPY public ./public
COPY locales ./locales
RUN mkdir -m 770 data && chown 10001:0 data
USER 10001:0
VOLUME /app/data
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s CMD node -e "fetch('http://127.0.0.1:'+(process.env.PORT||3000)+'/readyz').then((answer)=>process.exit(answer.ok?0:1),()=>process.exit(1))"
CMD ["node", "src/main.ts"]
